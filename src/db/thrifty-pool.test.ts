import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { inTransaction } from "./db.ts";
import { createTestDatabase } from "./testing.ts";

test("a statement with a name is prepared once on each connection, one without never", async (t) => {
  const { database } = await createTestDatabase(t);
  const prepared = await inTransaction(database.app, async (tx) => {
    for (const n of [1, 2, 3]) await sql`/*test.named*/ select ${n}::int as n`.execute(tx);
    await sql`select ${4}::int as n`.execute(tx);
    return sql<{ name: string; generic_plans: number; custom_plans: number }>`
      select name, generic_plans, custom_plans from pg_prepared_statements where name <> ''`.execute(tx);
  });
  assert.deepEqual(prepared.rows, [{ name: "test.named", generic_plans: 0, custom_plans: 3 }]);
});

test("a transaction that asked nothing asks the server nothing, and the next one is a transaction", async (t) => {
  const { database } = await createTestDatabase(t);
  await inTransaction(database.app, async () => {});
  await assert.rejects(
    inTransaction(database.app, async () => {
      throw new Error("changed my mind");
    }),
    /changed my mind/,
  );
  // now() stands still within a transaction, and only there.
  const [first, second] = await inTransaction(database.app, async (tx) => {
    const read = async () =>
      (await sql<{ now: Date; other: number }>`select now()::text as now`.execute(tx)).rows[0]!.now;
    return [await read(), await read()];
  });
  assert.equal(first, second);
});

test("what fails in a transaction's first statement leaves the connection fit for the next", async (t) => {
  const { database } = await createTestDatabase(t);
  for (let round = 0; round < 12; round++) {
    await assert.rejects(
      inTransaction(database.app, (tx) => sql`select 1 / 0`.execute(tx)),
      /division by zero/,
    );
    await assert.rejects(
      inTransaction(database.app, (tx) => sql`select 1 / ${0}::int`.execute(tx)),
      /division by zero/,
    );
  }
  const { rows } = await sql<{ open: boolean }>`select now() <> statement_timestamp() as open`.execute(database.app);
  assert.deepEqual(rows, [{ open: false }]);
});
