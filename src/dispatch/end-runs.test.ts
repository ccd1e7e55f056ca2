import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { claim, type Claimed } from "#dispatch/claim.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import { candidate, eventsOf, firstAgent, makeHouse, makeTicket } from "./testing.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

type House = Awaited<ReturnType<typeof makeHouse>>;

const done = ({ id, runId, fence }: Claimed) =>
  ({ ticketId: id, runId, fence, agent: "tester", outcome: "done" }) as const;
const end = (h: House, ...reports: Parameters<typeof endRuns>[3]) =>
  endRuns(db.database.app, h.tenantId, new Date(), reports);

async function withRuns(n: number): Promise<{ h: House; runs: Claimed[] }> {
  const h = await makeHouse(db.database);
  for (let i = 0; i < n; i++) await makeTicket(h);
  const runs = await claim(db.database.app, {
    ...h,
    capability: "builder",
    candidates: [candidate(h.agentId, { free: n })],
    now: new Date(),
    rank: firstAgent,
  });
  assert.equal(runs.length, n);
  return { h, runs };
}

test("reports that come in together go in a few transactions, and each hears of its own", async () => {
  const { h, runs } = await withRuns(30);
  const stale = { ...done(runs[0]!), fence: 7 };
  const answers = await Promise.all([...runs.map((run) => end(h, done(run))), end(h, stale)]);
  assert.deepEqual(
    answers.map((accepted) => [...accepted]),
    [...runs.map(({ id }) => [id]), []],
  );
  // Rows that were written in one transaction have the same xmin.
  const { rows } = await inTenant(db.database.app, h.tenantId, (tx) =>
    sql<{ n: number; transactions: number }>`
      select count(*)::int as n, count(distinct xmin::text)::int as transactions from ticket where state = 'done'`.execute(
      tx,
    ),
  );
  assert.deepEqual(rows, [{ n: 30, transactions: 3 }]);
});

test("the same report twice at once is accepted once", async () => {
  const { h, runs } = await withRuns(1);
  const report = done(runs[0]!);
  const answers = await Promise.all([1, 2, 3, 4].map(() => end(h, report)));
  assert.ok(answers.some((accepted) => accepted.has(report.ticketId)));
  const happened = await eventsOf(h, report.runId);
  assert.equal(happened.filter((type) => type === "run.reported").length, 1);
  assert.equal(happened.filter((type) => type === "run.stale_report_refused").length, 3);
});

test("a report that cannot be stored takes no other with it", async () => {
  const { h, runs } = await withRuns(6);
  const bad = { ...done(runs[5]!), cost: { nano_usd: 0.5 } };
  const answers = await Promise.allSettled([...runs.slice(0, 5).map((run) => end(h, done(run))), end(h, bad)]);
  assert.deepEqual(answers.map(({ status }) => status), [...Array<string>(5).fill("fulfilled"), "rejected"]); // prettier-ignore
  const { rows } = await inTenant(db.database.app, h.tenantId, (tx) =>
    sql<{ n: number }>`select count(*)::int as n from ticket where state = 'done'`.execute(tx),
  );
  assert.deepEqual(rows, [{ n: 5 }]);
});
