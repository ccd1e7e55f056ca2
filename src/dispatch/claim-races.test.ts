// What may change between a claim's look and its write. A transaction of the test's own holds the row that the write
// needs, changes it, and commits once the claim waits for it: so each of these is the same race, every time.
import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { type Insertable, sql } from "kysely";
import pg from "pg";
import { inTenant } from "#db/db.ts";
import type { BudgetUnit, Schema } from "#db/schema.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { claim, type Claimed } from "#dispatch/claim.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { uuidv7 } from "#system/ids.ts";
import { candidate, eventsOf, firstAgent, makeHouse, makeItem, makeTicket } from "./testing.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

type House = Awaited<ReturnType<typeof makeHouse>>;
const within = <T>(h: House, work: Parameters<typeof inTenant<T>>[2]) => inTenant(db.database.app, h.tenantId, work);

test("a budget that is lowered between the look and the write is not exceeded, and nothing of the batch is written", async () => {
  const h = await houseWith(3);
  await addBudget(h, { unit: "runs", limit_amount: 10 });
  const claimed = await whileHeld(h, "update budget set limit_amount = 0", () => take(h));
  assert.deepEqual(claimed, []);
  assert.deepEqual(await spentAndReserved(h), [[0, 0]]);
  assert.equal(await count(h, "run"), 0);
  assert.equal(await count(h, "reservation"), 0);
  assert.equal(await count(h, "ticket where state = 'ready'"), 3);
  assert.equal(await count(h, "event where type = 'ticket.claimed'"), 0);
});

test("what another spent between the look and the write leaves room for one, and one is given", async () => {
  const h = await houseWith(3);
  await addBudget(h, { unit: "runs", limit_amount: 10 });
  await addBudget(h, { unit: "nano_usd", limit_amount: 1_000 });
  const claimed = await whileHeld(h, "update budget set reserved = 9 where unit = 'runs'", () => take(h));
  assert.equal(claimed.length, 1);
  assert.deepEqual(await spentAndReserved(h), [[0, 20], [0, 10]]); // prettier-ignore
  assert.deepEqual(await eventsOf(h, claimed[0]!.id), ["ticket.created", "ticket.claimed"]);
});

test("of many claimers for a budget with room for one, one gets it", async () => {
  const h = await houseWith(12);
  await addBudget(h, { unit: "nano_usd", limit_amount: 39 });
  const all = await Promise.all(Array.from({ length: 6 }, () => take(h, { limit: 2 })));
  assert.equal(all.flat().length, 1);
  assert.deepEqual(await spentAndReserved(h), [[0, 20]]);
});

test("a budget that is removed between the look and the write holds nothing, and keeps nothing back", async () => {
  const h = await houseWith(2);
  await addBudget(h, { unit: "runs", limit_amount: 10 });
  const claimed = await whileHeld(h, "delete from budget", () => take(h));
  assert.equal(claimed.length, 2);
  assert.equal(await count(h, "reservation"), 0);
});

test("a period that is over is begun anew once, by however many claim at once", async () => {
  const h = await houseWith(30);
  await addBudget(h, { unit: "runs", limit_amount: 7, spent: 7, period: "day", period_start: new Date("2026-01-01") });
  const all = await Promise.all(Array.from({ length: 6 }, () => take(h, { limit: 2 })));
  assert.equal(all.flat().length, 7);
  assert.deepEqual(await spentAndReserved(h), [[0, 7]]);
  await endRuns(db.database.app, h.tenantId, new Date(), all.flat().map(done));
  assert.deepEqual(await spentAndReserved(h), [[7, 0]]);
  assert.deepEqual(await take(h), [], "this period's runs are used up");
});

test("a period that begins between the look and the write is begun by the write", async () => {
  const h = await houseWith(2);
  await addBudget(h, { unit: "runs", limit_amount: 5, period: "day", period_start: new Date() });
  const held = "update budget set spent = 5, period_start = now() - interval '2 days'";
  const claimed = await whileHeld(h, held, () => take(h));
  assert.equal(claimed.length, 2);
  assert.deepEqual(await spentAndReserved(h), [[0, 2]]);
});

test("what was reserved in a period that is over is spent in the one that runs now", async () => {
  const h = await houseWith(1);
  await addBudget(h, { unit: "runs", limit_amount: 5, period: "day", period_start: new Date() });
  const [run] = await take(h);
  await within(h, (tx) => sql`update budget set spent = 4, period_start = now() - interval '2 days'`.execute(tx));
  await endRuns(db.database.app, h.tenantId, new Date(), [done(run!)]);
  assert.deepEqual(await spentAndReserved(h), [[1, 0]]);
});

test("a switch waits for a claim that has looked, and stops the next", async () => {
  const h = await houseWith(4);
  await addBudget(h, { unit: "runs", limit_amount: 10 });
  const everything = { scope: "everything", scopeId: "" } as const;
  const order: string[] = [];
  let stopping: Promise<unknown> | undefined;
  const claimed = await whileHeld(
    h,
    "update budget set limit_amount = 9",
    () => take(h, { limit: 2 }).finally(() => order.push("claimed")),
    async () => {
      stopping = within(h, (tx) => setSwitch(tx, "owner", new Date(), everything, "stop")).then(() =>
        order.push("stopped"),
      );
      await until(async () => (await waiting("advisory")) > 0);
    },
  );
  await stopping;
  assert.equal(claimed.length, 2);
  assert.deepEqual(order, ["claimed", "stopped"]);
  assert.deepEqual(await take(h), []);
  await within(h, (tx) => liftSwitch(tx, "owner", new Date(), everything));
  assert.equal((await take(h)).length, 2);
});

test("tickets without room in the budgets of money of any scope are passed over, whatever stands first", async () => {
  for (const scope of ["everything", "line", "item", "client", "agent"] as const) {
    const h = await makeHouse(db.database);
    const itemId = await makeItem(h, { client: "acme" });
    const scope_id = { everything: "", line: "service", item: itemId, client: "acme", agent: h.agentId }[scope];
    await addBudget(h, { unit: "nano_usd", limit_amount: 50, scope, scope_id });
    await makeTicket({ ...h, itemId }, { priority: 90, estimateNano: 60 });
    const fits = await makeTicket({ ...h, itemId }, { priority: 10, estimateNano: 40 });
    assert.deepEqual((await take(h, { limit: 1 })).map(({ id }) => id), [fits], scope); // prettier-ignore
  }
});

test("a report counts though its lease is renewed at the same moment, and a second one with it does not", async () => {
  const h = await houseWith(2);
  const runs = await take(h);
  const renewed = `update ticket set lease_until = now() + interval '9 seconds'`;
  const accepted = await whileHeld(h, renewed, () =>
    endRuns(db.database.app, h.tenantId, new Date(), [...runs.map(done), { ...done(runs[0]!), fence: 0 }]),
  );
  assert.deepEqual([...accepted].sort(), runs.map(({ id }) => id).sort());
  assert.equal(await count(h, "ticket where state = 'done'"), 2);
  assert.equal(await count(h, "run where state = 'ended'"), 2);
  assert.equal(await count(h, "event where type = 'ticket.done'"), 2);
  assert.equal(await count(h, "event where type = 'run.stale_report_refused'"), 1);
});

/** Holds all rows that `change` touches, lets `work` begin, and commits the change once that waits for them. */
async function whileHeld<T>(
  h: House,
  change: string,
  work: () => Promise<T>,
  before?: () => Promise<void>,
): Promise<T> {
  const client = new pg.Client({ connectionString: db.adminUrl });
  await client.connect();
  try {
    await client.query("begin");
    // The admin sees every tenant: only this one's rows.
    await client.query(`${change}${change.includes(" where ") ? " and" : " where"} tenant_id = '${h.tenantId}'`);
    const result = work();
    result.catch(() => {});
    await until(async () => (await waiting("transactionid")) + (await waiting("tuple")) > 0);
    await before?.();
    await client.query("commit");
    return await result;
  } finally {
    await client.end();
  }
}

async function waiting(kind: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from pg_locks l join pg_database d on d.datname = current_database()
    where not granted and locktype = ${kind}
      and pid in (select pid from pg_stat_activity where datid = d.oid)`.execute(db.database.engine);
  return rows[0]!.n;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 2));
}

async function houseWith(tickets: number): Promise<House> {
  const h = await makeHouse(db.database);
  for (let n = 0; n < tickets; n++) await makeTicket(h, { estimateNano: 20 });
  return h;
}

const addBudget = (h: House, budget: Partial<Insertable<Schema["budget"]>> & { unit: BudgetUnit }) =>
  within(h, (tx) =>
    tx
      .insertInto("budget")
      .values({ id: uuidv7(), tenant_id: h.tenantId, scope: "everything", period: "ever", limit_amount: 0, ...budget })
      .execute(),
  ); // prettier-ignore

const take = (h: House, overrides: Partial<Parameters<typeof claim>[1]> = {}) =>
  claim(db.database.app, {
    tenantId: h.tenantId,
    capability: "builder",
    candidates: [candidate(h.agentId)],
    hostId: h.hostId,
    processId: h.processId,
    now: new Date(),
    rank: firstAgent,
    ...overrides,
  });

const done = ({ id, runId, fence }: Claimed) =>
  ({ ticketId: id, runId, fence, agent: "tester", outcome: "done" }) as const;

async function spentAndReserved(h: House): Promise<[number, number][]> {
  const budgets = await within(h, (tx) =>
    tx.selectFrom("budget").select(["spent", "reserved"]).orderBy("unit").execute(),
  );
  return budgets.map(({ spent, reserved }) => [spent, reserved]);
}

async function count(h: House, what: string): Promise<number> {
  return within(h, async (tx) => {
    const { rows } = await sql.raw<{ n: number }>(`select count(*)::int as n from ${what}`).execute(tx);
    return rows[0]!.n;
  });
}
