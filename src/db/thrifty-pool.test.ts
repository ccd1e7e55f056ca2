import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { uuidv7 } from "#system/ids.ts";
import { CommitUnknown, inTenant, inTransaction, type Tx } from "./db.ts";
import { createTestDatabase } from "./testing.ts";
import { withCommit } from "./together.ts";

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

test("a statement that takes the commit with it is the last, and one that fails leaves nothing of the transaction", async (t) => {
  const { database } = await createTestDatabase(t);
  const tenant = uuidv7();
  await inTenant(database.app, tenant, (tx) => tx.insertInto("tenant").values({ id: tenant, name: "mine" }).execute());
  const write = (tx: Tx, note: string, last: boolean) =>
    sql`/*test.add*/${withCommit(last)} update tenant set policy_version = ${note}`.execute(tx);
  const noteNow = () =>
    inTenant(database.app, tenant, async (tx) => (await sql<{ note: string }>`select policy_version as note from tenant`.execute(tx)).rows[0]?.note); // prettier-ignore

  await inTenant(database.app, tenant, (tx) => write(tx, "first", true));
  assert.equal(await noteNow(), "first");
  await inTenant(database.app, tenant, async (tx) => (await write(tx, "one", false), await write(tx, "two", true)));
  assert.equal(await noteNow(), "two");

  const fails = (tx: Tx) => sql`/*test.fails*/${withCommit()} select 1 / ${0}::int`.execute(tx);
  await assert.rejects(
    inTenant(database.app, tenant, async (tx) => (await write(tx, "lost", false), await fails(tx))),
    /division by zero/,
  );
  assert.equal(await noteNow(), "two");
  await assert.rejects(
    inTenant(database.app, tenant, async (tx) => (await write(tx, "three", true), await write(tx, "late", false))),
    /The transaction was over/,
  );
  assert.equal(await noteNow(), "three");
});

test("what a transaction begins with goes out with its second statement, and its error is the one that is told", async (t) => {
  const { database } = await createTestDatabase(t);
  const asked: string[] = [];
  const fails = inTenant(
    database.app,
    uuidv7(),
    async (tx) => asked.push((await sql<{ n: string }>`select ${"here"} as n`.execute(tx)).rows[0]!.n),
    { first: "select 1 / 0" },
  );
  await assert.rejects(fails, /division by zero/);
  assert.deepEqual(asked, []);
  const tenant = uuidv7();
  const { rows } = await inTenant(database.app, tenant, (tx) => sql`select tenant_now() as tenant`.execute(tx));
  assert.deepEqual(rows, [{ tenant }]);
  const none = await sql<{ tenant: string | null }>`select tenant_now() as tenant`.execute(database.app);
  assert.deepEqual(none.rows, [{ tenant: null }], "and it ends with it");
});

test("a connection that breaks during a last statement leaves unknown whether it was committed", async (t) => {
  const { database, adminUrl } = await createTestDatabase(t);
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  let tries = 0;
  const sleeping = inTenant(database.app, uuidv7(), async (tx) => {
    tries++;
    await sql`/*test.sleep*/${withCommit()} select pg_sleep(${60}::int)`.execute(tx);
  });
  sleeping.catch(() => {});
  let ended = 0;
  while (ended === 0) {
    const { rowCount } = await admin.query(
      "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = current_database() and wait_event = 'PgSleep'",
    );
    ended = rowCount ?? 0;
  }
  await admin.end();
  await assert.rejects(sleeping, CommitUnknown);
  assert.equal(tries, 1);
});
