import { randomBytes } from "node:crypto";
import { escapeIdentifier, escapeLiteral, type ClientBase } from "pg";
import { Failure, hasErrorCode } from "#system/failure.ts";
import type { Credentials } from "./connection.ts";

/** `app` works for one tenant at a time; `engine` claims, reaps and seals across tenants through narrow policies. */
export type Roles = { app: Credentials; engine: Credentials };
export type RoleNames = { app: string; engine: string };

const kinds = ["app", "engine"] as const;

/**
 * The two roles that the program logs in as, made the first time. They are separate logins because a superuser is not
 * bound by row-level security and RESET ROLE undoes SET ROLE. Roles belong to the whole server, not to a database, so
 * the names end in a random suffix, kept with the passwords in a table that only the admin can read.
 * Call it on an admin connection that holds the set-up lock.
 */
export async function ensureRoles(client: ClientBase): Promise<Roles> {
  await client.query(`create schema if not exists private`);
  await client.query(`revoke all on schema private from public`);
  await client.query(`create table if not exists private.login (
    kind text primary key check (kind in ('app', 'engine')), name text not null, password text not null)`);
  await recordLogins(client);
  const { rows } = await client.query<{ kind: "app" | "engine"; name: string; password: string; exists: boolean }>(
    `select kind, name, password, exists (select from pg_roles where rolname = login.name) from private.login`,
  );
  for (const row of rows) if (!row.exists) await createRole(client, row);
  const login = (kind: "app" | "engine"): Credentials => {
    const { name, password } = rows.find((row) => row.kind === kind)!;
    return { user: name, password };
  };
  return { app: login("app"), engine: login("engine") };
}

/** Recorded before they are made: a role that exists is one whose password is known, whenever we are killed. */
async function recordLogins(client: ClientBase): Promise<void> {
  const suffix = randomBytes(6).toString("hex");
  for (const kind of kinds) {
    await client.query(
      `insert into private.login (kind, name, password) values ($1, $2, $3) on conflict (kind) do nothing`,
      [kind, `steward_${kind}_${suffix}`, randomBytes(24).toString("base64url")],
    );
  }
}

/**
 * The password goes in clear, since some managed servers refuse a ready-made verifier. A transaction left open by a
 * bug would hold locks and keep the sealer and vacuum waiting: the server ends it after a minute. What is prepared
 * while a table is small is kept when it has grown, so no plan may rest on reading a whole table where an index serves;
 * and compiling a plan (jit) pays for none of ours. The engine's few statements say all that a plan depends on in their
 * text, so that each is planned once.
 */
async function createRole(
  client: ClientBase,
  { kind, name, password }: { kind: string; name: string; password: string },
): Promise<void> {
  const role = escapeIdentifier(name);
  try {
    await client.query(`create role ${role} login password ${escapeLiteral(password)}`);
    await client.query(`alter role ${role} set idle_in_transaction_session_timeout = '60s'`);
    await client.query(`alter role ${role} set enable_seqscan = off`);
    await client.query(`alter role ${role} set jit = off`);
    if (kind === "engine") await client.query(`alter role ${role} set plan_cache_mode = force_generic_plan`);
  } catch (error) {
    if (!hasErrorCode(error, "42501")) throw error;
    const { rows } = await client.query<{ name: string }>("select current_user as name");
    const admin = escapeIdentifier(rows[0]!.name);
    throw new Failure(
      "forbidden",
      `The user ${admin} of DATABASE_URL may not make roles, and Steward logs in as roles of its own that row-level ` +
        `security binds. Ask whoever runs the database for: ALTER ROLE ${admin} CREATEROLE;`,
      { cause: error },
    );
  }
}

/** Refuses a role that row-level security would not bind: every guard between tenants would be open, silently. */
export async function refuseUnboundRole(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ name: string; rolsuper: boolean; rolbypassrls: boolean }>(
    "select rolname as name, rolsuper, rolbypassrls from pg_roles where rolname = current_user",
  );
  const role = rows[0];
  if (role && !role.rolsuper && !role.rolbypassrls) return;
  const name = escapeIdentifier(role?.name ?? "?");
  throw new Failure(
    "forbidden",
    `The role ${name} is a superuser or has BYPASSRLS, so nothing would keep tenants apart. ` +
      `Run as a superuser: ALTER ROLE ${name} NOSUPERUSER NOBYPASSRLS;`,
  );
}
