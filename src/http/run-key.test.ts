import assert from "node:assert/strict";
import { mkdir, readFile } from "node:fs/promises";
import { after, before, test } from "node:test";
import { runFolderOf } from "#agents/work/run-folder.ts";
import { inTenant } from "#db/db.ts";
import { claim } from "#dispatch/claim.ts";
import { report } from "#dispatch/report.ts";
import { candidate, eventsOf, firstAgent, makeTicket } from "#dispatch/testing.ts";
import { clientFor } from "./client.ts";
import { runKeyFor, runKeySecret } from "./run-key.ts";
import { openTestServer, type TestServer } from "./testing.ts";

let server: TestServer;
let end = async () => {};
before(async () => {
  server = await openTestServer({ after: (fn) => void (end = fn) });
});
after(() => end());

/** A run that lives, and a client that has its key. */
async function startRun() {
  const ticket = await makeTicket(server);
  const [claimed] = await claim(server.database.app, {
    tenantId: server.tenantId,
    capability: "builder",
    candidates: [candidate(server.agentId)],
    hostId: server.hostId,
    processId: server.processId,
    now: new Date(),
    rank: firstAgent,
  });
  assert.equal(claimed?.id, ticket);
  const key = runKeyFor(await runKeySecret(server.home), claimed.runId, claimed.fence);
  return {
    ticket,
    run: claimed.runId,
    fence: claimed.fence,
    key,
    client: clientFor({ url: server.url, credential: key, version: "test" }),
  };
}

test("a run's key says that it lives, how far it is and how it ended, and all of it is recorded", async () => {
  const { run, client } = await startRun();
  const { folder, report: file } = runFolderOf(server.home, run);
  await mkdir(folder, { recursive: true });
  await client.runs.heartbeat({ id: run });
  await client.runs.progress({ id: run, percent: 40, text: "halfway" });
  const seen = await server.client.runs.get({ id: run });
  assert.deepEqual([seen.percent, seen.progress], [40, "halfway"]);
  assert.ok(seen.heartbeatAt);
  await client.runs.report({ id: run, outcome: "refused", reasons: ["not mine"] });
  assert.deepEqual(JSON.parse(await readFile(file, "utf8")), { outcome: "refused", reasons: ["not mine"] });
  // What it says moves nothing: the ticket is still claimed.
  assert.equal((await server.client.runs.get({ id: run })).state, "starting");
  assert.deepEqual((await eventsOf(server, run)).filter((type) => type === "run.progressed").length, 2);
});

test("a run's key opens nothing else, and no other run", async () => {
  const one = await startRun();
  const other = await startRun();
  const forbidden = { code: "forbidden" };
  await assert.rejects(one.client.runs.progress({ id: other.run, text: "not me" }), forbidden);
  await assert.rejects(one.client.runs.get({ id: one.run }), forbidden);
  await assert.rejects(one.client.house.status(), forbidden);
  await assert.rejects(one.client.switches.set({ scope: "everything" }), forbidden);
  for (const path of ["/api/events/stream", "/api/openapi.json", `/api/runs/${one.run}/heartbeat/../output`]) {
    const { status } = await fetch(`${server.url}${path}`, { headers: { authorization: `Bearer ${one.key}` } });
    assert.equal(status, 403, path);
  }
  assert.equal((await server.client.runs.get({ id: other.run })).progress, null);
});

test("a key of an older attempt, or of another secret, is refused", async () => {
  const { run, fence } = await startRun();
  for (const key of [runKeyFor(await runKeySecret(server.home), run, fence - 1), runKeyFor("guess", run, fence)]) {
    const forged = clientFor({ url: server.url, credential: key, version: "test" });
    await assert.rejects(forged.runs.heartbeat({ id: run }), { code: "forbidden" });
  }
});

test("when its run has ended, its key has too; and not even the owner speaks for it", async () => {
  const { run, fence, ticket, client } = await startRun();
  await client.runs.heartbeat({ id: run });
  await inTenant(server.database.app, server.tenantId, (tx) =>
    report(tx, new Date(), [{ outcome: "done", ticketId: ticket, runId: run, fence, agent: "tester" }]),
  );
  await assert.rejects(client.runs.progress({ id: run, text: "late" }), { code: "forbidden", message: /has ended/ });
  await assert.rejects(server.client.runs.progress({ id: run, text: "late" }), {
    code: "conflict",
    message: /has ended/,
  });
  assert.equal((await server.client.runs.get({ id: run })).progress, null);
});
