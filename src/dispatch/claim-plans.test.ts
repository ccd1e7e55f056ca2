import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { openDatabase } from "#db/open.ts";
import { createTestDatabase } from "#db/testing.ts";
import { claim } from "#dispatch/claim.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import { silentLog } from "#system/log.ts";
import { candidate, firstAgent, makeHouse, makeTicket } from "./testing.ts";

const WAITING = 5_000;

test("what a claim and a report read does not grow with what is waiting, though they were planned before it came", async (t) => {
  const { adminUrl } = await createTestDatabase(t);
  // One connection, so that what was planned in it is what runs.
  const database = await openDatabase({ adminUrl, log: silentLog, connections: { app: 1 } });
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  try {
    const h = await makeHouse(database);
    await makeTicket(h);
    await admin.query("alter table ticket set (autovacuum_enabled = off)");
    const take = () =>
      claim(database.app, {
        ...h,
        capability: "builder",
        candidates: [candidate(h.agentId)],
        now: new Date(),
        rank: firstAgent,
      });
    const end = (runs: Awaited<ReturnType<typeof take>>, outcome: "done" | "cancelled") =>
      endRuns(database.app, h.tenantId, new Date(), runs.map(({ id, runId, fence }) => ({ ticketId: id, runId, fence, agent: "tester", outcome, reason: "" }))); // prettier-ignore
    const ticketsRead = async () => {
      await sql`select pg_stat_force_next_flush()`.execute(database.app);
      const { rows } = await admin.query<{ n: number }>(
        "select (coalesce(seq_tup_read, 0) + coalesce(idx_tup_fetch, 0))::int as n from pg_stat_user_tables where relname = 'ticket'",
      );
      return rows[0]!.n;
    };
    assert.equal((await end(await take(), "done")).size, 1);
    await end(await take(), "cancelled");

    await admin.query(
      `insert into ticket (id, tenant_id, item_id, line, kind, capability, state, dedupe_key, title)
       select gen_random_uuid(), $1, $2, 'service', 'build', capability, 'ready', gen_random_uuid()::text, 'Build it'
       from generate_series(1, $3), unnest(array['builder', 'tester']) as capability`,
      [h.tenantId, h.itemId, WAITING],
    );
    for (const outcome of ["done", "cancelled"] as const) {
      const before = await ticketsRead();
      const runs = await take();
      const between = await ticketsRead();
      assert.equal((await end(runs, outcome)).size, 10);
      const after = await ticketsRead();
      assert.ok(between - before < 200, `the claim read ${between - before} tickets`);
      assert.ok(after - between < 200, `the report read ${after - between} tickets`);
    }
  } finally {
    await admin.end();
    await database.close();
  }
});
