import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { Failure } from "#system/failure.ts";
import { silentLog } from "#system/log.ts";
import { debianPrograms } from "./debian-programs.ts";
import type { Programs } from "./embedded/binaries.ts";
import { openDatabase } from "./open.ts";
import { createTestDatabase } from "./testing.ts";

const open = (adminUrl: string) => openDatabase({ adminUrl, log: silentLog });
const servers: [name: string, programs: Programs | null][] = [["the embedded server", null]];
const debian = await debianPrograms();
if (debian) servers.push([`Debian's PostgreSQL ${debian.major}`, debian]);

for (const [name, programs] of servers) {
  test(`an admin that owns its database and may make roles is enough: no superuser, on ${name}`, async (t) => {
    const url = await plainAdmin(t, { attributes: "createrole", programs });
    const database = await open(url);
    const { rows } = await sql<{ name: string }>`select current_user as name`.execute(database.app);
    assert.match(rows[0]!.name, /^steward_app_[0-9a-f]{12}$/);
    await database.close();
    const again = await open(url);
    await again.close();
  });
}

test("an admin that may not make roles is told what to ask for", async (t) => {
  const url = await plainAdmin(t, { attributes: "nocreaterole" });
  await assert.rejects(open(url), (error: unknown) => {
    assert.ok(error instanceof Failure);
    assert.match(error.message, /ALTER ROLE "steward_plain_[0-9a-f]+" CREATEROLE;/);
    return true;
  });
});

for (const attribute of ["bypassrls", "superuser"]) {
  for (const kind of ["app", "engine"]) {
    test(`Steward does not start while its ${kind} role has ${attribute}`, async (t) => {
      const { adminUrl, drop } = await createTestDatabase();
      t.after(async () => {
        await forget(adminUrl);
        await drop();
      });
      // Roles are the server's, and other tests use the template's: this database gets its own.
      await asAdmin(adminUrl, ["delete from private.login"]);
      await (await open(adminUrl)).close();
      const [login] = await asAdmin(adminUrl, [`select name from private.login where kind = '${kind}'`]);
      await asAdmin(adminUrl, [`alter role ${String(login!["name"])} ${attribute}`]);
      await assert.rejects(open(adminUrl), (error: unknown) => {
        assert.ok(error instanceof Failure);
        assert.match(error.message, /superuser or has BYPASSRLS.*NOSUPERUSER NOBYPASSRLS/);
        return true;
      });
    });
  }
}

test("the program's own roles cannot read their passwords, make tables, or become the admin", async (t) => {
  const { database } = await createTestDatabase(t);
  for (const db of [database.app, database.engine]) {
    await assert.rejects(sql`select * from private.login`.execute(db), /permission denied/);
    await assert.rejects(sql`create table public.mine (id int)`.execute(db), /permission denied/);
    await assert.rejects(sql`set role steward`.execute(db), /permission denied/);
  }
});

/** A database of a user without a superuser's rights. */
async function plainAdmin(
  t: TestContext,
  { attributes, programs = null }: { attributes: string; programs?: Programs | null },
): Promise<string> {
  const { adminUrl, drop } = await createTestDatabase(undefined, { programs });
  const name = `steward_plain_${randomBytes(4).toString("hex")}`;
  await asAdmin(adminUrl, [
    `create role ${name} login ${attributes} password 'plain'`,
    `create database ${name} owner ${name}`,
  ]);
  const url = new URL(adminUrl);
  url.pathname = `/${name}`;
  const superUrl = url.href;
  [url.username, url.password] = [name, "plain"];
  t.after(async () => {
    await forget(superUrl);
    await asAdmin(adminUrl, [`drop database ${name} with (force)`, `drop role ${name}`]);
    await drop();
  });
  return url.href;
}

/** Drops the roles of a database, with whatever was granted to them. */
async function forget(adminUrl: string): Promise<void> {
  const found = await asAdmin(adminUrl, ["select to_regclass('private.login') is not null as made"]);
  if (found[0]?.["made"] !== true) return;
  for (const { name } of await asAdmin(adminUrl, ["select name from private.login"])) {
    // Recorded, but not made, where the admin may not.
    const [role] = await asAdmin(adminUrl, [`select 1 from pg_roles where rolname = '${String(name)}'`]);
    if (role) await asAdmin(adminUrl, [`drop owned by ${String(name)} cascade`, `drop role ${String(name)}`]);
  }
}

async function asAdmin(url: string, statements: string[]): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const statement of statements) rows = (await client.query<Record<string, unknown>>(statement)).rows;
    return rows;
  } finally {
    await client.end();
  }
}
