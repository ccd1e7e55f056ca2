import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { claim } from "#dispatch/claim.ts";
import { lanesWithWork } from "#dispatch/lanes-with-work.ts";
import { explainWaits } from "#dispatch/explain.ts";
import { reapExpired } from "#dispatch/reap.ts";
import { report } from "#dispatch/report.ts";
import { seal } from "#ledger/seal.ts";
import { verifyLedger } from "#ledger/verify.ts";
import { liftSwitch, setSwitch } from "#policy/switches.ts";
import { uuidv7 } from "#system/ids.ts";
import { candidate, eventsOf, firstAgent, makeAgent, makeHouse, makeItem, makeTicket } from "./testing.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

const house = () => makeHouse(db.database);
type House = Awaited<ReturnType<typeof house>>;

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
const within = <T>(h: House, work: Parameters<typeof inTenant<T>>[2]) => inTenant(db.database.app, h.tenantId, work);
const stateOf = (h: House, id: string) =>
  within(h, (tx) => tx.selectFrom("ticket").selectAll().where("id", "=", id).executeTakeFirstOrThrow());

test("a ready ticket is claimed with a lease, a fence, a run and an event, and reported once", async () => {
  const h = await house();
  const id = await makeTicket(h);
  const [claimed] = await take(h);
  assert.equal(claimed?.id, id);
  assert.equal(claimed.fence, 1);
  assert.equal((await stateOf(h, id)).state, "claimed");
  assert.deepEqual(await take(h), []);

  const done = { ticketId: id, runId: claimed.runId, fence: 1, agent: "tester", outcome: "done" } as const;
  assert.equal((await within(h, (tx) => report(tx, new Date(), [done]))).size, 1);
  assert.equal((await within(h, (tx) => report(tx, new Date(), [done]))).size, 0, "a second report changes nothing");
  assert.deepEqual(await eventsOf(h, id), ["ticket.created", "ticket.claimed", "ticket.done"]);
  assert.deepEqual(await eventsOf(h, claimed.runId), ["run.reported", "run.stale_report_refused"]);
});

test("the higher priority goes first, and no ticket of another capability is given", async () => {
  const h = await house();
  const low = await makeTicket(h, { priority: 10 });
  const high = await makeTicket(h, { priority: 90 });
  await makeTicket(h, { capability: "tester", priority: 99 });
  assert.deepEqual(
    (await take(h, { limit: 1 })).map(({ id }) => id),
    [high],
  );
  assert.deepEqual(
    (await take(h)).map(({ id }) => id),
    [low],
  );
  assert.deepEqual(
    (await lanesWithWork(db.database.engine, ["builder", "tester"]))
      .filter(({ tenantId }) => tenantId === h.tenantId)
      .map(({ capability }) => capability),
    ["tester"],
  );
});

test("a report with an older fence is refused after the ticket was taken up again", async () => {
  const h = await house();
  const id = await makeTicket(h);
  const [first] = await take(h);
  await within(h, (tx) =>
    sql`update ticket set lease_until = now() - interval '1 second' where id = ${id}`.execute(tx),
  );
  await sql`select 1`.execute(db.database.engine);
  // The server of the tests may have started a moment ago: the reaper waits one lease after that.
  while ((await reapExpired(db.database.engine, db.database.app, new Date())) === 0)
    await new Promise((r) => setTimeout(r, 200));
  const [second] = await take(h);
  assert.equal(second?.fence, 2);
  const stale = { ticketId: id, runId: first!.runId, fence: 1, agent: "tester", outcome: "done" } as const;
  assert.equal((await within(h, (tx) => report(tx, new Date(), [stale]))).size, 0);
  assert.equal((await stateOf(h, id)).state, "claimed");
  assert.deepEqual(await eventsOf(h, id), ["ticket.created", "ticket.claimed", "ticket.retried", "ticket.claimed"]);
});

test("a failure is retried after a while, four times, and then stands", async () => {
  const h = await house();
  const id = await makeTicket(h);
  for (let attempt = 1; attempt <= 4; attempt++) {
    await within(h, (tx) => sql`update ticket set ready_at = now() where id = ${id}`.execute(tx));
    const [run] = await take(h);
    await within(h, (tx) =>
      report(tx, new Date(), [
        { ticketId: id, runId: run!.runId, fence: run!.fence, agent: "tester", outcome: "failed", reason: "it broke" },
      ]),
    );
    const ticket = await stateOf(h, id);
    assert.equal(ticket.state, attempt < 4 ? "ready" : "failed");
    if (attempt === 1) assert.ok(ticket.ready_at.getTime() - Date.now() > 3_000, "it waits before it is tried again");
  }
});

for (const outcome of [
  { outcome: "stopped", reason: "its folder is gone" },
  { outcome: "failed", reason: "it went wrong" },
  { outcome: "lost", reason: "its runner died" },
] as const) {
  test(`a run that ends as ${outcome.outcome} of an item that is gone is not tried again`, async () => {
    const h = await house();
    const id = await makeTicket(h);
    const [claimed] = await take(h);
    await within(h, (tx) => sql`update item set gone_at = now() where id = ${h.itemId}`.execute(tx));
    await within(h, (tx) => report(tx, new Date(), [{ ticketId: id, runId: claimed!.runId, fence: 1, agent: "tester", ...outcome }])); // prettier-ignore
    assert.equal((await stateOf(h, id)).state, "cancelled");
    assert.deepEqual(await eventsOf(h, id), ["ticket.created", "ticket.claimed", "ticket.cancelled"]);
  });
}

test("the keeper of an item hears of a report when it is committed", async () => {
  const h = await house();
  const id = await makeTicket(h);
  const [claimed] = await take(h);
  const { promise: heard, resolve } = Promise.withResolvers<string>();
  const listener = await db.database.listen(["steward_look"], {
    onNotify: (_, item) => item === h.itemId && resolve(item),
  });
  await within(h, (tx) => report(tx, new Date(), [{ ticketId: id, runId: claimed!.runId, fence: 1, agent: "tester", outcome: "done" }])); // prettier-ignore
  assert.equal(await heard, h.itemId);
  await listener.close();
});

test("a refusal sends the ticket to another agent, and says so when there is none", async () => {
  const h = await house();
  const id = await makeTicket(h);
  const [run] = await take(h);
  await within(h, (tx) =>
    report(tx, new Date(), [
      { ticketId: id, runId: run!.runId, fence: 1, agent: "tester", outcome: "refused", reasons: ["it serves pages"] },
    ]),
  );
  assert.deepEqual(await take(h), [], "not to the one that refused it");
  const waits = await within(h, (tx) => explainWaits(tx, new Date(), [id]));
  assert.match(waits.get(id)!, /another agent with the capability builder: it serves pages/);
  const other = await makeAgent(h);
  const [again] = await take(h, { candidates: [candidate(h.agentId), candidate(other)] });
  assert.equal(again?.agentId, other);
  assert.equal(again.attempt, 1, "a refusal is no attempt");
});

for (const scope of ["everything", "line", "item", "client", "agent"] as const) {
  test(`nothing is claimed while a switch stops its ${scope}, and all of it after`, async () => {
    const h = await house();
    const itemId = await makeItem(h, { client: "acme" });
    await makeTicket({ ...h, itemId });
    const scopeId = { everything: "", line: "service", item: itemId, client: "acme", agent: h.agentId }[scope];
    await within(h, (tx) => setSwitch(tx, "owner", new Date(), { scope, scopeId }, "lunch"));
    assert.deepEqual(await take(h), []);
    await within(h, (tx) => liftSwitch(tx, "owner", new Date(), { scope, scopeId }));
    assert.equal((await take(h)).length, 1);
  });
}

test("a claim in flight when a switch commits comes back with nothing or was before it", async () => {
  const h = await house();
  for (let i = 0; i < 300; i++) await makeTicket(h);
  let stopped = 0;
  let late = 0;
  const claimers = Array.from({ length: 8 }, async () => {
    for (;;) {
      const began = Date.now();
      const got = await take(h, { limit: 2 });
      if (stopped && began > stopped && got.length > 0) late += got.length;
      if (got.length === 0) return;
    }
  });
  await new Promise((resolve) => setTimeout(resolve, 30));
  await within(h, (tx) => setSwitch(tx, "owner", new Date(), { scope: "everything", scopeId: "" }, "stop"));
  const at = await within(
    h,
    async (tx) => (await sql<{ at: Date }>`select clock_timestamp() as at`.execute(tx)).rows[0]!.at,
  );
  stopped = Date.now();
  await Promise.all(claimers);
  const after = await within(
    h,
    async (tx) =>
      (
        await sql<{
          n: number;
        }>`select count(*)::int as n from ticket where lease_until > ${at}::timestamptz + interval '5 seconds'`.execute(
          tx,
        )
      ).rows[0]!.n,
  );
  assert.equal(late, 0);
  assert.equal(after, 0, "no lease was written after the switch had committed");
});

test("a budget is never exceeded, with eight claimers at once", async () => {
  const h = await house();
  await within(h, (tx) =>
    tx
      .insertInto("budget")
      .values([
        {
          id: uuidv7(),
          tenant_id: h.tenantId,
          scope: "everything",
          unit: "nano_usd",
          period: "day",
          limit_amount: 500,
        },
        {
          id: uuidv7(),
          tenant_id: h.tenantId,
          scope: "line",
          scope_id: "service",
          unit: "runs",
          period: "ever",
          limit_amount: 40,
        },
      ])
      .execute(),
  );
  for (let i = 0; i < 80; i++) await makeTicket(h, { estimateNano: 20 });
  const all = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const mine = [];
      for (;;) {
        const got = await take(h, { limit: 3 });
        if (got.length === 0) return mine;
        mine.push(...got);
      }
    }),
  );
  const claimed = all.flat();
  assert.equal(claimed.length, 25, "500 / 20");
  assert.equal(new Set(claimed.map(({ id }) => id)).size, 25);
  await within(h, (tx) =>
    report(
      tx,
      new Date(),
      claimed.map((one) => ({
        ticketId: one.id,
        runId: one.runId,
        fence: one.fence,
        agent: "t",
        outcome: "done",
        cost: { nano_usd: 7 },
      })),
    ),
  );
  const budgets = await within(h, (tx) => tx.selectFrom("budget").selectAll().orderBy("unit").execute());
  assert.deepEqual(
    budgets.map(({ unit, spent, reserved }) => ({ unit, spent, reserved })),
    [
      { unit: "nano_usd", spent: 175, reserved: 0 },
      { unit: "runs", spent: 25, reserved: 0 },
    ],
  );
});

test("reports that come in at the same time settle each budget to the last unit", async () => {
  const h = await house();
  await within(h, (tx) =>
    tx
      .insertInto("budget")
      .values(
        (["everything", "line", "agent"] as const).map((scope) => ({
          id: uuidv7(),
          tenant_id: h.tenantId,
          scope,
          scope_id: { everything: "", line: "service", agent: h.agentId }[scope],
          unit: "tokens" as const,
          period: "day" as const,
          limit_amount: 10_000,
        })),
      )
      .execute(),
  );
  for (let i = 0; i < 40; i++) await makeTicket(h);
  const claimed = (
    await Promise.all(
      Array.from({ length: 8 }, () =>
        take(h, { limit: 5, candidates: [candidate(h.agentId, { cost: () => ({ tokens: 100 }) })] }),
      ),
    )
  ).flat();
  await Promise.all(
    claimed.map((one) =>
      within(h, (tx) =>
        report(tx, new Date(), [
          {
            ticketId: one.id,
            runId: one.runId,
            fence: one.fence,
            agent: "t",
            outcome: "done",
            cost: { tokens: 30, seconds: 1.5 },
          },
        ]),
      ),
    ),
  );
  const budgets = await within(h, (tx) => tx.selectFrom("budget").select(["spent", "reserved"]).execute());
  assert.ok(claimed.length > 0);
  assert.deepEqual(budgets, Array(3).fill({ spent: 30 * claimed.length, reserved: 0 }));
});

test("blockers, approvals, quiet hours and an agent's places hold a ticket back", async () => {
  const h = await house();
  const first = await makeTicket(h, { capability: "tester" });
  await makeTicket(h, { blockedBy: [first] });
  await makeTicket(h, { approvalId: uuidv7() });
  assert.deepEqual(await take(h), []);

  await makeTicket(h);
  await within(h, (tx) =>
    sql`insert into quiet_hours (id, tenant_id, scope, from_minute, to_minute) values (${uuidv7()}, tenant_now(), 'everything', 0, 1440)`.execute(
      tx,
    ),
  );
  assert.deepEqual(await take(h), []);
  await within(h, (tx) => sql`delete from quiet_hours`.execute(tx));

  await makeTicket(h);
  assert.equal(
    (await take(h, { candidates: [candidate(h.agentId, { slots: 1 })] })).length,
    1,
    "one place, one ticket",
  );
  assert.equal(
    (await take(h, { candidates: [candidate(h.agentId, { slots: 1 })] })).length,
    0,
    "and it is taken, whoever asks",
  );
});

test("what happened is sealed without a gap, and a changed row is named", async () => {
  const h = await house();
  for (let i = 0; i < 5; i++) await makeTicket(h);
  while ((await seal(db.database.engine)).sealed > 0);
  const sound = await within(h, (tx) => verifyLedger(tx));
  assert.equal(sound.ok, true);
  const admin = await import("pg").then(({ default: pg }) => new pg.Client({ connectionString: db.adminUrl }));
  await admin.connect();
  try {
    await admin.query(
      `update event set body = '{}' where id = (select event_id from seal where tenant_id = $1 and seq = 3)`,
      [h.tenantId],
    );
  } finally {
    await admin.end();
  }
  const broken = await within(h, (tx) => verifyLedger(tx));
  assert.deepEqual({ ok: broken.ok, seq: !broken.ok && broken.seq }, { ok: false, seq: 3 });
  await assert.rejects(
    within(h, (tx) => sql`update event set actor = 'me'`.execute(tx)),
    /permission denied/,
  );
  await assert.rejects(
    within(h, (tx) => sql`delete from seal`.execute(tx)),
    /permission denied/,
  );
});

test("tickets whose budget is used up do not keep the places from others", async () => {
  const h = await house();
  const poor = await makeItem(h, { client: "poor" });
  await within(h, (tx) =>
    tx
      .insertInto("budget")
      .values([
        {
          id: uuidv7(),
          tenant_id: h.tenantId,
          scope: "client",
          scope_id: "poor",
          unit: "runs",
          period: "day",
          limit_amount: 0,
        },
        {
          id: uuidv7(),
          tenant_id: h.tenantId,
          scope: "item",
          scope_id: h.itemId,
          unit: "tokens",
          period: "day",
          limit_amount: 0,
        },
      ])
      .execute(),
  );
  for (let i = 0; i < 3; i++) await makeTicket({ ...h, itemId: poor }, { priority: 90 });
  // These have room for themselves, but not for what the agent costs beside: they are seen only when it is chosen.
  for (let i = 0; i < 3; i++) await makeTicket(h, { priority: 80 });
  const fits = await makeTicket({ ...h, itemId: await makeItem(h) });
  const costly = candidate(h.agentId, { free: 2, cost: () => ({ tokens: 1 }) });
  assert.deepEqual(
    (await take(h, { candidates: [costly] })).map(({ id }) => id),
    [fits],
  );
});

test("a budget of wall time cuts a run short, and one that is used up starts none", async () => {
  const h = await house();
  await within(h, (tx) =>
    tx
      .insertInto("budget")
      .values({
        id: uuidv7(),
        tenant_id: h.tenantId,
        scope: "line",
        scope_id: "service",
        unit: "seconds",
        period: "ever",
        limit_amount: 5_000,
      })
      .execute(),
  );
  for (let i = 0; i < 3; i++) await makeTicket(h);
  const long = candidate(h.agentId, { cost: () => ({ seconds: 3_600 }) });
  const runs = await take(h, { candidates: [long] });
  assert.deepEqual(
    runs.map(({ maxSeconds }) => maxSeconds),
    [3_600, 1_400],
  );
  await within(h, (tx) =>
    report(
      tx,
      new Date(Date.now() + 60_000),
      runs.map((one) => ({ ticketId: one.id, runId: one.runId, fence: one.fence, agent: "t", outcome: "done" })),
    ),
  );
  const budget = await within(h, (tx) => tx.selectFrom("budget").selectAll().executeTakeFirstOrThrow());
  assert.equal(budget.reserved, 0);
  assert.ok(budget.spent >= 120 && budget.spent < 130, `two minutes were spent, not ${budget.spent}`);
});
