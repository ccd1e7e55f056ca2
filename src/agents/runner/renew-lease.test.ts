import assert from "node:assert/strict";
import { once } from "node:events";
import { rename, writeFile } from "node:fs/promises";
import { createServer, connect, type AddressInfo, type Server, type Socket } from "node:net";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import pg from "pg";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { readRun } from "./read-run.ts";
import type { RunClocks, RunLease, RunSpec } from "./run-spec.ts";
import { prepareRun, startRunner } from "./start-runner.ts";
import { fence, finished, marked, newRun, node, until, untilAgentRuns } from "./testing.ts";

// The database is real; between it and the runner is a relay, so that it can fall silent, go away and come back for one
// test alone. What is asked of it is a stand-in for the ticket's row: one that counts, and answers as the test says.

const renewSql = `
  with counted as (insert into test_renewal (run_id, tenant) values ($3::text, current_setting('app.tenant')))
  select state from test_lease where ticket_id = $1::text and fence = $2::bigint and run_id = $3::text`;

let testDatabase: TestDatabase;
let admin: pg.Client;

before(async () => {
  testDatabase = await createTestDatabase();
  admin = new pg.Client({ connectionString: testDatabase.adminUrl });
  await admin.connect();
  await admin.query(`
    create table test_lease (run_id text primary key, ticket_id text, fence bigint, state text);
    create table test_renewal (run_id text, tenant text, at timestamptz not null default clock_timestamp());
    grant all on test_lease, test_renewal to public;`);
});

after(async () => {
  await admin?.end();
  await testDatabase?.drop();
});

test("a run renews its lease while it lasts, for its own tenant, however much its agent writes", async (t) => {
  const flood = node(`const piece = "x".repeat(4095) + "\\n"; const until = Date.now() + 1500;
    const more = () => { while (Date.now() < until) if (!process.stdout.write(piece)) return process.stdout.once("drain", more); };
    more();`);
  const { folder, spec } = await leasedRun(t, flood, { lease: { everyMs: 100 }, outputBytes: 1e9 });
  await startRunner(folder);
  const result = await finished(folder);
  assert.equal(result.outcome, "exited");
  assert.ok(result.outputBytes > 1e6);
  const times = await renewals(spec);
  assert.ok(times.length >= 3, `${times.length} renewals`);
  const gaps = times.slice(1).map((at, index) => at - times[index]!);
  t.diagnostic(`${result.outputBytes} bytes; gaps between renewals, ms: ${gaps.map(Math.round).join(" ")}`);
  assert.ok(Math.max(...gaps) < 1_000);
  const { rows } = await admin.query("select distinct tenant from test_renewal where run_id = $1", [spec.runId]);
  assert.deepEqual(rows, [{ tenant: spec.tenantId }]);
});

test("a switch stops even an agent that does not heed SIGTERM within 2 s", async (t) => {
  const { folder, spec } = await leasedRun(t, ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], {
    lease: { everyMs: 1_000 },
    clocks: { graceMs: 10_000 },
  });
  await startRunner(folder);
  await untilRenewed(spec);
  const began = performance.now();
  await answer(spec, "stop");
  const result = await finished(folder);
  assert.ok(performance.now() - began < 2_000, `${performance.now() - began} ms`);
  assert.equal(result.outcome, "stopped");
  assert.deepEqual(await marked(spec), []);
});

test("a ticket that was given to another ends the run, and so does a row that is gone", async (t) => {
  for (const take of [
    (spec: RunSpec) => answer(spec, "lost"),
    (spec: RunSpec) => admin.query("update test_lease set fence = fence + 1 where run_id = $1", [spec.runId]),
  ]) {
    const { folder, spec } = await leasedRun(t, ["sleep", "60"]);
    await startRunner(folder);
    await untilRenewed(spec);
    await take(spec);
    const result = await finished(folder);
    assert.equal(result.outcome, "lease_lost");
    assert.match(result.detail ?? "", /given to another/);
    assert.deepEqual(await marked(spec), []);
  }
});

test("with a database elsewhere that falls silent, the agent is gone before another host may claim", async (t) => {
  const faults = ["silence", "close"] as const;
  await Promise.all(
    faults.map(async (fault) => {
      const hostLeaseMs = 2_400;
      const { folder, spec, relay } = await leasedRun(t, ["sh", "-c", "trap '' TERM; while :; do sleep 0.1; done"], {
        lease: { kind: "external", hostLeaseMs },
        clocks: { graceMs: 300 },
      });
      await startRunner(folder);
      await untilRenewed(spec);
      await relay[fault]();
      const result = await finished(folder);
      const lastRenewal = (await renewals(spec)).at(-1)!;
      assert.equal(result.outcome, "lease_lost");
      assert.match(result.detail ?? "", /could not be reached/);
      const gone = Date.parse(result.endedAt) - lastRenewal;
      assert.ok(gone < hostLeaseMs, `${fault}: gone ${gone} ms after the last renewal`);
      assert.deepEqual(await marked(spec), []);
    }),
  );
});

test("with the embedded database a run waits for it, finds it on another port, and goes on", async (t) => {
  const { folder, spec, relay } = await leasedRun(t, ["sleep", "60"], {
    lease: { kind: "embedded", hostLeaseMs: 500 },
  });
  await startRunner(folder);
  const { agent } = await untilAgentRuns(folder);
  await untilRenewed(spec);
  await relay.close();
  const before = (await renewals(spec)).length;
  await new Promise((resolve) => setTimeout(resolve, 800));
  assert.equal((await readRun(folder, fence)).state, "running", "longer than a host's lease, and it still runs");
  await relay.reopen();
  await until("a renewal through the new port", async () =>
    (await renewals(spec)).length > before ? true : undefined,
  );
  assert.equal((await untilAgentRuns(folder)).agent.pid, agent.pid);
});

test("an embedded database that does not come back ends the run in the end", async (t) => {
  const { folder, spec, relay } = await leasedRun(t, ["sleep", "60"], {
    lease: { kind: "embedded", databaseWaitMs: 600, hostLeaseMs: 60_000 },
  });
  await startRunner(folder);
  await untilRenewed(spec);
  await relay.close();
  const result = await finished(folder);
  assert.equal(result.outcome, "lease_lost");
  assert.match(result.detail ?? "", /could not be reached for 0\.6 s/);
});

test("a database that never answered counts from the claim", async (t) => {
  const { folder, spec, relay } = await leasedRun(t, ["sleep", "60"], {
    lease: { kind: "external", hostLeaseMs: 60_000 },
  });
  await relay.close();
  spec.lease!.grantedAt = new Date(Date.now() - 59_000).toISOString();
  await prepareRun(folder, spec);
  await startRunner(folder);
  assert.equal((await finished(folder)).outcome, "lease_lost");
});

async function leasedRun(
  context: TestContext,
  command: string[],
  {
    lease = {},
    clocks = { graceMs: 100 },
    outputBytes = 100_000,
  }: { lease?: Partial<RunLease>; clocks?: Partial<RunClocks>; outputBytes?: number } = {},
) {
  const { folder, spec } = await newRun(context, command, { clocks, limits: { outputBytes } });
  const { host, port, ...connection } = testDatabase.database.connection;
  const file = join(folder, "connection.json");
  const relay = await openRelay({ host: host!, port: port! }, async (at) => {
    await writeFile(`${file}.new`, JSON.stringify({ ...connection, host: "127.0.0.1", port: at }));
    await rename(`${file}.new`, file);
  });
  context.after(() => relay.close());
  spec.lease = {
    connectionFile: file,
    kind: "embedded",
    renewSql,
    everyMs: 100,
    hostLeaseMs: 30_000,
    databaseWaitMs: 60_000,
    ...lease,
  };
  await admin.query("insert into test_lease values ($1, $2, $3, 'ok')", [spec.runId, spec.ticketId, spec.fence]);
  await prepareRun(folder, spec);
  return { folder, spec, relay };
}

async function answer(spec: RunSpec, state: string): Promise<void> {
  await admin.query("update test_lease set state = $2 where run_id = $1", [spec.runId, state]);
}

async function renewals(spec: RunSpec): Promise<number[]> {
  const { rows } = await admin.query<{ at: Date }>("select at from test_renewal where run_id = $1 order by at", [
    spec.runId,
  ]);
  return rows.map(({ at }) => at.getTime());
}

const untilRenewed = (spec: RunSpec) =>
  until("a renewal", async () => ((await renewals(spec)).length > 0 ? true : undefined));

/** Passes connections on; may fall silent (nothing passes, nothing breaks), close, and open again on another port. */
async function openRelay(target: { host: string; port: number }, opened: (port: number) => Promise<void>) {
  const sockets = new Set<Socket>();
  let server: Server;
  await open();
  return { silence, close, reopen: open };

  async function open(): Promise<void> {
    server = createServer((near) => {
      const far = connect(target);
      for (const socket of [near, far]) {
        sockets.add(socket);
        socket.on("error", () => {}).on("close", () => [near.destroy(), far.destroy(), sockets.delete(socket)]);
      }
      near.pipe(far);
      far.pipe(near);
    });
    server.listen(0, "127.0.0.1");
    await once(server, "listening");
    await opened((server.address() as AddressInfo).port);
  }

  async function silence(): Promise<void> {
    server.removeAllListeners("connection").on("connection", (near) => sockets.add(near.on("error", () => {})));
    for (const socket of sockets) socket.unpipe().pause();
  }

  async function close(): Promise<void> {
    for (const socket of sockets) socket.destroy();
    if (server.listening) await new Promise((resolve) => server.close(resolve));
  }
}
