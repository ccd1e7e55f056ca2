import assert from "node:assert/strict";
import { mkdir, mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import pg from "pg";
import { silentLog } from "#system/log.ts";
import { removeFolder } from "#system/testing.ts";
import { debianPrograms } from "./debian-programs.ts";
import type { Programs } from "./embedded/binaries.ts";
import { openDatabase } from "./open.ts";
import { createTestDatabase } from "./testing.ts";

const debian = await debianPrograms();
const servers: [name: string, programs: Programs | null][] = [["the embedded server", null]];
if (debian) servers.push([`Debian's PostgreSQL ${debian.major}`, debian]);

test(
  "Debian's PostgreSQL is there to be tested on",
  { skip: debian ? false : "install postgresql to run it" },
  () => {},
);

for (const [name, programs] of servers) {
  test(`the migrations of the house run on ${name}`, async (t) => {
    const { adminUrl } = await createTestDatabase(t, { programs });
    const tables = await rows(adminUrl, "select 1 from pg_tables where schemaname = 'public'");
    assert.ok(tables.length > 10);
    const loose = await rows(
      adminUrl,
      `select relname from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p')
         and not (relrowsecurity and relforcerowsecurity)`,
    );
    assert.deepEqual(loose, [], "row-level security is forced on every table");
  });

  test(`four processes that open one new database at once migrate it once, on ${name}`, async (t) => {
    const { url, folder } = await emptyDatabase(t, programs);
    await write(folder, "0001-first.sql", "create table first (id int); insert into first values (1);");
    await write(
      folder,
      "0002-second.sql",
      "alter table first add seen boolean default true; grant select on first to :app;",
    );
    const opened = await Promise.all([1, 2, 3, 4].map(() => open(url, folder)));
    await Promise.all(opened.map((database) => database.close()));
    assert.deepEqual(await rows(url, "select id, seen from first"), [{ id: 1, seen: true }]);
    assert.deepEqual(await rows(url, "select number, name from private.migration order by number"), [
      { number: 1, name: "0001-first.sql" },
      { number: 2, name: "0002-second.sql" },
    ]);
    assert.equal((await rows(url, "select 1 from private.login")).length, 2);
  });
}

test("a migration that was edited after it was applied is refused, and nothing is run", async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await write(folder, "0001-first.sql", "create table first (id int);");
  await (await open(url, folder)).close();
  await write(folder, "0001-first.sql", "create table first (id bigint);");
  await write(folder, "0002-second.sql", "create table second (id int);");
  await assert.rejects(open(url, folder), /0001-first\.sql differs .* put the file back/s);
  assert.deepEqual(await rows(url, "select to_regclass('second') as second"), [{ second: null }]);
});

test("a database that a newer program has moved on is refused", async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await write(folder, "0001-first.sql", "select 1;");
  await write(folder, "0002-second.sql", "select 2;");
  await (await open(url, folder)).close();
  await rm(join(folder, "0002-second.sql"));
  await assert.rejects(open(url, folder), /0002-second\.sql by a newer Steward/);
});

test("a migration that fails leaves nothing of itself, and those before it stay", async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await write(folder, "0001-first.sql", "create table first (id int);");
  await write(folder, "0002-second.sql", "create table second (id int); select no_such_column from first;");
  await assert.rejects(open(url, folder), (error: unknown) => {
    assert.match(String(error), /0002-second\.sql failed/);
    return true;
  });
  assert.deepEqual(
    await rows(url, "select to_regclass('first') is not null as first, to_regclass('second') as second"),
    [{ first: true, second: null }],
  );
  await write(folder, "0002-second.sql", "create table second (id int);");
  await (await open(url, folder)).close();
});

test("migrations that are not numbered without gaps are a mistake in the program", async (t) => {
  const { url, folder } = await emptyDatabase(t);
  await write(folder, "0001-first.sql", "select 1;");
  await write(folder, "0003-third.sql", "select 3;");
  await assert.rejects(open(url, folder), /0003-third\.sql should be number 2/);
});

const open = (adminUrl: string, migrations: string) => openDatabase({ adminUrl, migrations, log: silentLog });
const write = (folder: string, name: string, text: string) => writeFile(join(folder, name), text);

/** A database that nobody has opened, and an empty folder for its migrations. */
async function emptyDatabase(t: TestContext, programs: Programs | null = null) {
  const root = await mkdtemp(join(tmpdir(), "steward-migrations-"));
  t.after(() => removeFolder(root));
  const folder = join(root, "own");
  const none = join(root, "none");
  await mkdir(folder);
  await mkdir(none);
  const { adminUrl } = await createTestDatabase(t, { migrations: none, programs });
  await rows(adminUrl, "drop schema private cascade");
  return { url: adminUrl, folder };
}

async function rows(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query<Record<string, unknown>>(text)).rows;
  } finally {
    await client.end();
  }
}
