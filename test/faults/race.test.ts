import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { createTicket } from "#dispatch/create-ticket.ts";
import { makeAgent, makeHouse, makeItem, type TestHouse } from "#dispatch/testing.ts";
import { seal } from "#ledger/seal.ts";
import { verifyLedger } from "#ledger/verify.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { uuidv7 } from "#system/ids.ts";
import { until } from "./house.fixture.ts";
import type { Racer } from "./racer.fixture.ts";

const racer = fileURLToPath(new URL("racer.fixture.ts", import.meta.url));

const TICKETS = 2_000;
const CAPABILITIES = ["builder", "tester", "fixer"];

/** Eight workers, and what each can do. */
const WORKERS = [
  CAPABILITIES,
  CAPABILITIES,
  CAPABILITIES,
  ["builder"],
  ["builder"],
  ["tester"],
  ["fixer"],
  ["tester", "fixer"],
];

test("eight processes race on 2,000 tickets, and a stop in the middle: each ticket is given once, to one who can", async (t) => {
  const { database, adminUrl } = await createTestDatabase(t);
  const house = await makeHouse(database);
  await makeTickets(house);
  const everything = { scope: "everything", scopeId: "" } as const;
  const racers = await Promise.all(
    WORKERS.map((capabilities, index) => startRacer(house, adminUrl, index, capabilities)),
  );
  t.after(async () => {
    for (const { child } of racers) if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
  });

  await until("a third is done", () => count(house, "done"), { holds: (done) => done > TICKETS / 3, everyMs: 5 });
  await inTenant(database.app, house.tenantId, (tx) => setSwitch(tx, "owner", new Date(), everything, "hold on"));
  const given = await claims(house);
  assert.ok(given < TICKETS, "all was given before the stop");
  await pause(1_200); // Longer than a claimer's own poll.
  assert.equal(await claims(house), given, "tickets were given after the stop had committed");
  await inTenant(database.app, house.tenantId, (tx) => liftSwitch(tx, "owner", new Date(), everything));

  await until("all is done", () => count(house, "done"), { holds: (done) => done === TICKETS, withinMs: 60_000 });
  await Promise.all(
    racers.map(async ({ child }) => {
      const ended = once(child, "exit");
      child.kill("SIGTERM");
      await ended;
    }),
  );

  const { rows } = await inTenant(database.app, house.tenantId, (tx) =>
    sql<{ times: number; fence: number; capability: string; able: boolean }>`
      select count(e.id)::int as times, t.fence, t.capability, bool_and(a.capabilities @> array[t.capability]) as able
      from ticket t left join event e on e.type = 'ticket.claimed' and e.subject = t.id::text
      left join agent a on a.name = e.body->>'agent' group by t.id`.execute(tx),
  );
  assert.equal(rows.length, TICKETS);
  assert.deepEqual(
    rows.filter(({ times, fence }) => times !== 1 || fence !== 1),
    [],
    "tickets were given more than once",
  );
  assert.deepEqual(
    rows.filter(({ able }) => !able),
    [],
    "tickets were given to who cannot do them",
  );
  assert.equal(await events(house, "ticket.done"), TICKETS);
  assert.equal(await events(house, "run.stale_report_refused"), 0);
  const idle = await workersWithoutWork(house);
  assert.deepEqual(idle, [], "some workers were given nothing, so that it was no race");
  while ((await seal(database.engine)).sealed > 0);
  const verified = await inTenant(database.app, house.tenantId, (tx) => verifyLedger(tx));
  assert.ok(verified.ok && verified.pending === 0, JSON.stringify(verified));
});

async function makeTickets(house: TestHouse): Promise<void> {
  const items = await Promise.all(Array.from({ length: 20 }, () => makeItem(house)));
  await inTenant(house.database.app, house.tenantId, async (tx) => {
    for (let n = 0; n < TICKETS; n++) {
      await createTicket(
        tx,
        { actor: "test", at: new Date() },
        {
          itemId: items[n % items.length]!,
          line: "service",
          kind: "build",
          capability: CAPABILITIES[n % CAPABILITIES.length]!,
          title: `Ticket ${n}`,
          dedupeKey: uuidv7(),
          priority: n % 7,
        },
      );
    }
  });
}

async function startRacer(
  { database, tenantId, hostId }: TestHouse,
  adminUrl: string,
  index: number,
  capabilities: string[],
): Promise<{ child: ChildProcess }> {
  const processId = uuidv7();
  await inTenant(database.app, tenantId, (tx) =>
    tx
      .insertInto("process")
      .values({
        id: processId,
        tenant_id: tenantId,
        host_id: hostId,
        kind: "worker",
        pid: 1,
        start_time: String(index),
      })
      .execute(),
  );
  const name = `racer-${index}`;
  const agentId = await makeAgent({ database, tenantId, hostId, processId }, { name, capabilities });
  const told: Racer = { adminUrl, tenantId, hostId, processId, agentId, name, capabilities, places: 10 };
  const child = spawn(process.execPath, [racer, JSON.stringify(told)], { stdio: ["ignore", "pipe", "inherit"] });
  await once(child.stdout, "data");
  return { child };
}

async function count({ database, tenantId }: TestHouse, state: "done" | "claimed"): Promise<number> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from ticket where state = ${state}`.execute(tx);
    return rows[0]!.n;
  });
}

const claims = (house: TestHouse) => events(house, "ticket.claimed");

async function events({ database, tenantId }: TestHouse, type: string): Promise<number> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<{ n: number }>`select count(*)::int as n from event where type = ${type}`.execute(tx);
    return rows[0]!.n;
  });
}

async function workersWithoutWork({ database, tenantId }: TestHouse): Promise<string[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<{ name: string }>`
      select name from agent a where name like 'racer-%' and not exists (select 1 from run r where r.agent_id = a.id)`.execute(
      tx,
    );
    return rows.map(({ name }) => name);
  });
}
