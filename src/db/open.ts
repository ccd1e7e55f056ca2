import { Kysely, PostgresDialect } from "kysely";
import pg, { type ClientBase } from "pg";
import type { Log } from "#system/log.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { parseUrl, valueTypes, type Address, type Credentials } from "./connection.ts";
import type { Db } from "./db.ts";
import { listenOn, type Listener, type ListenOptions } from "./listen.ts";
import { migrate, ownMigrations } from "./migrate.ts";
import { ensureRoles, refuseUnboundRole, type Roles } from "./roles.ts";
import type { Schema } from "./schema.ts";
import { isOwnSession, thriftyPool } from "./thrifty-pool.ts";
import { waitForDatabase } from "./wait-for-database.ts";

/** A database that is migrated and open. */
export type Database = {
  /** Bound to one tenant at a time: use inTenant. Without it, it sees no rows at all. */
  app: Db;
  /** Crosses tenants, through narrow policies: claim, reaper, sealer. */
  engine: Db;
  /** How to log in as the app role from another thread or process, such as what renews leases. It holds the password. */
  connection: Address & Credentials;
  /** Hears NOTIFY on a connection of its own, which is made again when it breaks. */
  listen(channels: string[], options: ListenOptions): Promise<Listener>;
  /** Resolves once the database answers (again); a Failure after the time. */
  wait(options?: { timeoutMs?: number }): Promise<void>;
  /** Ends every connection. May be called twice. */
  close(): Promise<void>;
};

export type OpenOptions = {
  /** A user that owns the database and has CREATEROLE; no superuser is needed. */
  adminUrl: string;
  log: Log;
  /** Connections that each of the two pools may hold. */
  connections?: { app?: number; engine?: number };
  /** The folder of migrations, for tests. */
  migrations?: string;
};

/**
 * Opens a database: checks that it is new enough, makes our roles and tables in it if they are missing, and logs in as
 * those roles. Any number of processes may do this at once.
 */
export async function openDatabase({
  adminUrl,
  log,
  connections: { app: appConnections = 10, engine: engineConnections = 4 } = {},
  migrations = ownMigrations,
}: OpenOptions): Promise<Database> {
  const { address, credentials: admin } = parseUrl(adminUrl);
  const roles = await setUp({ address, admin, migrations, log });
  const app = openPool(address, roles.app, { max: appConnections, name: "steward-app", log });
  const engine = openPool(address, roles.engine, { max: engineConnections, name: "steward-engine", log });
  const listeners = new Set<Listener>();
  let closing: Promise<void> | null = null;
  const close = () =>
    (closing ??= (async () => {
      await Promise.all([...listeners].map((listener) => listener.close()));
      await Promise.all([app.db.destroy(), engine.db.destroy()]);
    })());
  try {
    await Promise.all([app.check(), engine.check()]);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    app: app.db,
    engine: engine.db,
    connection: { ...address, ...roles.app },
    listen: async (channels, options) => {
      const listener = await listenOn({ address, credentials: roles.engine, channels, log, ...options });
      listeners.add(listener);
      return listener;
    },
    wait: (options = {}) => waitForDatabase({ address, credentials: roles.app, ...options }),
    close,
  };
}

/**
 * Everything that needs the admin, on one connection and under one lock. The lock is per database, and so is all that
 * it guards: the roles' names are this database's own.
 */
async function setUp({
  address,
  admin,
  migrations,
  log,
}: {
  address: Address;
  admin: Credentials;
  migrations: string;
  log: Log;
}): Promise<Roles> {
  const client = new pg.Client({
    ...address,
    ...admin,
    connectionTimeoutMillis: 15_000,
    application_name: "steward-setup",
  });
  client.on("error", (error) => log.warn({ err: error }, "the connection for setting up the database was lost"));
  await client.connect().catch((error: unknown) => {
    throw new Failure(
      "unavailable",
      `The database at ${placeOf(address)} cannot be reached as ${admin.user}: ${messageOf(error)}. ` +
        `Check DATABASE_URL and that the server is up.`,
      { cause: error },
    );
  });
  try {
    await refuseOldServer(client);
    await client.query(`select pg_advisory_lock($1)`, [setUpLock]);
    const roles = await ensureRoles(client);
    await migrate(client, { folder: migrations, roles: { app: roles.app.user, engine: roles.engine.user }, log });
    return throughSamePooler(roles, admin, await currentUser(client));
  } finally {
    // The session's end releases the lock.
    await client.end();
  }
}

/** Any number, as long as every version uses this one ("stew" in ASCII). */
const setUpLock = 0x73746577;

async function refuseOldServer(client: ClientBase): Promise<void> {
  const { rows } = await client.query<{ number: string; version: string }>(
    "select current_setting('server_version_num') as number, current_setting('server_version') as version",
  );
  const { number, version } = rows[0]!;
  if (Number(number) >= 150_000) return;
  throw new Failure("unavailable", `The database is PostgreSQL ${version}; Steward needs 15 or newer. Upgrade it.`);
}

async function currentUser(client: ClientBase): Promise<string> {
  const { rows } = await client.query<{ name: string }>("select current_user::text as name");
  return rows[0]!.name;
}

/** Poolers such as Supabase's take `user.project` for the user: ours need the same ending as the admin's. */
function throughSamePooler(roles: Roles, admin: Credentials, adminName: string): Roles {
  const ending = admin.user.startsWith(`${adminName}.`) ? admin.user.slice(adminName.length) : "";
  const extend = (credentials: Credentials) => ({ ...credentials, user: credentials.user + ending });
  return { app: extend(roles.app), engine: extend(roles.engine) };
}

function openPool(
  address: Address,
  credentials: Credentials,
  { max, name, log }: { max: number; name: string; log: Log },
): { db: Db; check(): Promise<void> } {
  const pool = new pg.Pool({
    ...address,
    ...credentials,
    max,
    application_name: name,
    types: valueTypes,
    // For thrifty-pool.ts: what does not depend on an answer need not wait for it.
    pipeline: true,
    keepAlive: true,
    connectionTimeoutMillis: 15_000,
    idleTimeoutMillis: 60_000,
  });
  // A server that restarts breaks connections, and unheard that event would end the process: the pool hears it for the
  // idle ones only, not for one between two statements of a transaction. The next query fails there, or connects anew.
  // One that is being closed is not lost, even where the server ends before it.
  pool.on("error", (error) =>
    log[pool.ending ? "debug" : "warn"]({ err: error, pool: name }, "an idle database connection was lost"),
  );
  pool.on("connect", (client) => {
    client.on("error", (error) => log.debug({ err: error, pool: name }, "a database connection was lost"));
  });
  let ownSessions = false;
  const thrifty = thriftyPool(pool, { mayPrepare: () => ownSessions });
  return {
    db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool: thrifty }) }),
    async check() {
      const client = await pool.connect();
      try {
        await refuseUnboundRole(client);
        ownSessions = await isOwnSession(client);
      } finally {
        client.release();
      }
    },
  };
}

function placeOf({ host, port, database }: Address): string {
  return `${host ?? "localhost"}:${port ?? 5432}/${database ?? ""}`;
}
