import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import pg from "pg";
import { uuidv7 } from "#system/ids.ts";
import { removeFolder } from "#system/testing.ts";
import { CommitUnknown, inTenant, isConnectionLost, type Db, type Tx } from "./db.ts";
import { createTestDatabase, type TestDatabase } from "./testing.ts";

/** A table with the house's kind of policy, so that these tests do not move with the schema. */
const note = `
  create table note (tenant_id uuid not null, id int not null, text text, primary key (tenant_id, id));
  alter table note enable row level security;
  alter table note force row level security;
  create policy own_tenant on note to :app
    using (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid)
    with check (tenant_id = nullif(current_setting('app.tenant', true), '')::uuid);
  grant select, insert, update, delete on note to :app;
`;
const mine = uuidv7();
const theirs = uuidv7();

test("a socket that is not there is a lost connection, and a file that is not there is none: it would be waited for without end", async () => {
  const client = new pg.Client({ host: join(tmpdir(), "no-such-server"), user: "nobody" });
  assert.equal(isConnectionLost(await client.connect().catch((error: unknown) => error)), true);
  assert.equal(
    isConnectionLost(await readFile(join(tmpdir(), "no-such-file")).catch((error: unknown) => error)),
    false,
  );
});

test("a command that writes takes a Tx: a plain Db does not compile", () => {
  const command = (tx: Tx) => tx;
  const plain = {} as Db;
  // @ts-expect-error a pool is not a transaction
  command(plain);
  command({} as Tx);
});

test("a tenant sees, changes and adds only its own rows", async (t) => {
  const { db } = await withNotes(t);
  assert.deepEqual(await inTenant(db, mine, textsOf), ["mine"]);
  await inTenant(db, mine, (tx) => sql`update note set text = 'changed'`.execute(tx));
  await inTenant(db, mine, (tx) => sql`delete from note where id = 2`.execute(tx));
  assert.deepEqual(await inTenant(db, theirs, textsOf), ["theirs"]);
  await assert.rejects(
    inTenant(db, mine, (tx) => sql`insert into note values (${theirs}, 3, 'planted')`.execute(tx)),
    /row-level security/,
  );
  await assert.rejects(
    inTenant(db, mine, (tx) => sql`update note set tenant_id = ${theirs}`.execute(tx)),
    /row-level security/,
  );
});

test("without a tenant nothing is seen, also on a connection that had one", async (t) => {
  const { db } = await withNotes(t);
  const texts = await db.connection().execute(async (connection) => {
    const before = await textsOf(connection);
    await inTenant(connection, mine, textsOf);
    // After a transaction with a local setting it is '' rather than null: that must not throw, nor open anything.
    const after = await textsOf(connection);
    return [before, after];
  });
  assert.deepEqual(texts, [[], []]);
  await assert.rejects(inTenant(db, "not a uuid", textsOf), /invalid input syntax for type uuid/);
});

test("no statement turns row-level security off", async (t) => {
  const { db } = await withNotes(t);
  await inTenant(db, mine, async (tx) => {
    await sql`reset role`.execute(tx);
    await sql`reset session authorization`.execute(tx);
    assert.deepEqual(await textsOf(tx), ["mine"]);
  });
  // It then refuses rather than filters: still nothing is seen.
  await assert.rejects(
    inTenant(db, mine, async (tx) => {
      await sql`set local row_security = off`.execute(tx);
      return textsOf(tx);
    }),
    /row-level security/,
  );
  await assert.rejects(
    inTenant(db, mine, (tx) => sql`alter table note no force row level security`.execute(tx)),
    /must be owner/,
  );
});

test("a failed command leaves nothing behind", async (t) => {
  const { db } = await withNotes(t);
  await assert.rejects(
    inTenant(db, mine, async (tx) => {
      await sql`insert into note values (${mine}, 9, 'half')`.execute(tx);
      throw new Error("no");
    }),
    /^Error: no$/,
  );
  assert.deepEqual(await inTenant(db, mine, textsOf), ["mine"]);
});

test("of two commands that deadlock, both are done in the end", async (t) => {
  const { db } = await withNotes(t);
  await inTenant(db, mine, (tx) => sql`insert into note values (${mine}, 2, 'second')`.execute(tx));
  let meet = () => {};
  const bothHoldOne = new Promise<void>((resolve) => (meet = resolve));
  let holding = 0;
  let tries = 0;
  const append = (ids: [number, number], text: string) =>
    inTenant(db, mine, async (tx) => {
      tries++;
      await sql`update note set text = text || ${text} where id = ${ids[0]}`.execute(tx);
      if (++holding === 2) meet();
      await bothHoldOne;
      await sql`update note set text = text || ${text} where id = ${ids[1]}`.execute(tx);
    });
  await Promise.all([append([1, 2], "A"), append([2, 1], "B")]);
  const texts = await inTenant(db, mine, textsOf);
  assert.ok(texts.every((text) => text.includes("A") && text.includes("B") && text.match(/[AB]/g)?.length === 2));
  assert.equal(tries, 3);
});

test("a commit whose answer is lost is reported as unknown, and not run again", async (t) => {
  const { db, adminUrl } = await withNotes(t);
  let tries = 0;
  await assert.rejects(
    inTenant(db, mine, async (tx) => {
      tries++;
      const { rows } = await sql<{ pid: number }>`select pg_backend_pid() as pid`.execute(tx);
      await endBackend(adminUrl, rows[0]!.pid);
    }),
    CommitUnknown,
  );
  assert.equal(tries, 1);
  assert.deepEqual(await inTenant(db, mine, textsOf), ["mine"]);
});

test("whole numbers come back as numbers, and one that does not fit is an error rather than a wrong number", async (t) => {
  const { db } = await withNotes(t);
  const { rows } = await sql`
    select 9007199254740991::int8 as large, '{1,2}'::int8[] as several, '2026-03-01'::date as day,
      '2026-03-01T10:00:00Z'::timestamptz as moment, '{"a":[1]}'::jsonb as json, 1.10::numeric as exact`.execute(db);
  assert.deepEqual(rows, [
    {
      large: 9007199254740991,
      several: [1, 2],
      day: "2026-03-01",
      moment: new Date("2026-03-01T10:00:00Z"),
      json: { a: [1] },
      exact: "1.10",
    },
  ]);
  await assert.rejects(sql`select 9007199254740992::int8`.execute(db), /too large/);
});

async function textsOf(db: Db): Promise<string[]> {
  const { rows } = await sql<{ text: string }>`select text from note order by id`.execute(db);
  return rows.map(({ text }) => text);
}

async function withNotes(t: TestContext): Promise<{ db: Db; adminUrl: string; database: TestDatabase["database"] }> {
  const folder = await mkdtemp(join(tmpdir(), "steward-migrations-"));
  t.after(() => removeFolder(folder));
  await writeFile(join(folder, "0001-note.sql"), note);
  const { database, adminUrl } = await createTestDatabase(t, { migrations: folder });
  await inTenant(database.app, mine, (tx) => sql`insert into note values (${mine}, 1, 'mine')`.execute(tx));
  await inTenant(database.app, theirs, (tx) => sql`insert into note values (${theirs}, 2, 'theirs')`.execute(tx));
  return { db: database.app, adminUrl, database };
}

async function endBackend(adminUrl: string, pid: number): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  await client.query("select pg_terminate_backend($1, 5000)", [pid]);
  await client.end();
}
