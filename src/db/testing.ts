import { createHash, randomBytes } from "node:crypto";
import { mkdir, stat } from "node:fs/promises";
import { tmpdir, userInfo } from "node:os";
import { join } from "node:path";
import pg from "pg";
import { hasErrorCode } from "#system/failure.ts";
import { silentLog } from "#system/log.ts";
import { bootId, isAlive, ownIdentity } from "#system/processes.ts";
import { enter } from "./embedded/alive.ts";
import type { Programs } from "./embedded/binaries.ts";
import { startEmbedded, type Embedded } from "./embedded/start-embedded.ts";
import { stopEmbedded } from "./embedded/stop-embedded.ts";
import { ownMigrations, readMigrations } from "./migrate.ts";
import { openDatabase, type Database } from "./open.ts";

/** A migrated, empty database for one test file, on a real server that concurrently running files share. */
export type TestDatabase = {
  database: Database;
  adminUrl: string;
  /** Closes and drops it; the last one out also ends the server. May be called twice. */
  drop(): Promise<void>;
};

/**
 * `createTestDatabase(t)` inside a test drops it after that test; without `t`, call `drop` in an `after`.
 * The server is an embedded one in a folder under the system's temporary folder, which survives from run to run so
 * that initdb and the migrated template are made once; it only skips fsync. STEWARD_TEST_DATABASE_URL names another
 * server, for its admin; `programs` runs another PostgreSQL here (see debianPrograms). A copy of the template takes
 * about 20 ms.
 */
export async function createTestDatabase(
  t?: { after(fn: () => Promise<void>): void },
  { migrations = ownMigrations, programs = null }: { migrations?: string; programs?: Programs | null } = {},
): Promise<TestDatabase> {
  const server = await useServer(programs);
  try {
    const template = await makeTemplate(server.adminUrl, migrations);
    const name = await cloneOf(server.adminUrl, template);
    const adminUrl = withDatabase(server.adminUrl, name);
    const database = await openDatabase({ adminUrl, migrations, log: silentLog });
    let dropping: Promise<void> | null = null;
    const drop = () =>
      (dropping ??= (async () => {
        await database.close();
        await onServer(server.adminUrl, (client) => client.query(`drop database if exists ${name} with (force)`));
        await server.leave();
      })());
    t?.after(drop);
    return { database, adminUrl, drop };
  } catch (error) {
    await server.leave();
    throw error;
  }
}

type Server = { adminUrl: string; leave(): Promise<void> };

type Shared = { embedded: Promise<Embedded>; users: number };
const shared = new Map<string, Shared>();
const leaving = new Map<string, Promise<unknown>>();

/** One server of a kind for all test databases of this process, and of the others that run at the moment. */
async function useServer(programs: Programs | null): Promise<Server> {
  const given = process.env["STEWARD_TEST_DATABASE_URL"];
  if (given && !programs) return { adminUrl: given, leave: async () => {} };
  const kind = programs ? `postgres-${programs.major}` : "embedded";
  const mine: Shared = shared.get(kind) ?? {
    // One that is on its way out finishes first.
    embedded: Promise.resolve(leaving.get(kind)).then(() => startTestServer(kind, programs)),
    users: 0,
  };
  shared.set(kind, mine);
  mine.users++;
  const leave = async () => {
    if (--mine.users > 0) return;
    shared.delete(kind);
    const left = mine.embedded.then((embedded) => embedded.leave());
    leaving.set(kind, left);
    await left;
  };
  try {
    return { adminUrl: (await mine.embedded).adminUrl, leave };
  } catch (error) {
    if (shared.get(kind) === mine) shared.delete(kind);
    throw error;
  }
}

/** Where tests of the supervisor share one copy of the programs. */
export const testFolder = join(tmpdir(), `steward-test-${userInfo().uid}`);
export const testStateRoot = join(testFolder, "state");

/** Of this boot: without fsync, what a machine that lost its power left behind is not to be trusted. */
const homeOf = (kind: string) => join(testFolder, `${kind}-${bootId().slice(0, 8)}`);

/** Until `end`, a server that a test has started stays: nobody is the last one out, only for the next to start it again. */
export async function keepTestServer(): Promise<{ end(): Promise<void> }> {
  await ownFolder(testFolder);
  const home = homeOf("embedded");
  const presence = await enter(home);
  return {
    async end() {
      await presence.leave();
      await stopEmbedded(home);
    },
  };
}

async function startTestServer(kind: string, programs: Programs | null): Promise<Embedded> {
  await ownFolder(testFolder);
  return startEmbedded({
    home: homeOf(kind),
    stateRoot: testStateRoot,
    log: silentLog,
    settings: { fsync: "off", full_page_writes: "off", max_connections: "300" },
    ...(programs ? { programs } : {}),
  });
}

/** Anyone may make folders in /tmp: one that another user put there in our place is not used. */
async function ownFolder(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true, mode: 0o755 });
  if ((await stat(folder)).uid !== userInfo().uid) throw new Error(`${folder} belongs to another user; remove it`);
}

/** The name says what is in it: the same migrations need not run again. A kill leaves only the unfinished name. */
async function makeTemplate(adminUrl: string, migrations: string): Promise<string> {
  const files = await readMigrations(migrations);
  const checksum = createHash("sha256").update(files.map((file) => file.checksum).join());
  const name = `steward_template_${checksum.digest("hex").slice(0, 16)}`;
  await onServer(adminUrl, async (client) => {
    if (await isDatabase(client, name)) return;
    await client.query("select pg_advisory_lock($1)", [templateLock]);
    if (await isDatabase(client, name)) return;
    await dropLeftovers(client);
    const unfinished = `${name}_unfinished`;
    await client.query(`drop database if exists ${unfinished} with (force)`);
    await client.query(`create database ${unfinished} template template0`);
    const database = await openDatabase({ adminUrl: withDatabase(adminUrl, unfinished), migrations, log: silentLog });
    await database.close();
    await renameWhenIdle(client, unfinished, name);
  });
  return name;
}

/** A connection that was closed a moment ago may still count as using the database (55006). */
async function renameWhenIdle(client: pg.Client, from: string, to: string): Promise<void> {
  for (let attempt = 0; ; attempt++) {
    try {
      await client.query(
        "select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1 and backend_type = 'client backend'",
        [from],
      );
      await client.query(`alter database ${from} rename to ${to}`);
      return;
    } catch (error) {
      if (attempt >= 20 || !hasErrorCode(error, "55006")) throw error;
    }
  }
}

const templateLock = 0x74657374;

async function cloneOf(adminUrl: string, template: string): Promise<string> {
  const { pid, startTime } = ownIdentity();
  const when = Buffer.from(startTime).toString("hex");
  const name = `steward_test_${pid}_${when}_${randomBytes(4).toString("hex")}`.slice(0, 63);
  // As files: through the log, which PostgreSQL would choose, it takes twelve times as long (measured, without fsync).
  await onServer(adminUrl, (client) => client.query(`create database ${name} template ${template} strategy file_copy`));
  return name;
}

/** Databases whose test process was killed before it could drop them. */
async function dropLeftovers(client: pg.Client): Promise<void> {
  const { rows } = await client.query<{ name: string }>(
    "select datname as name from pg_database where datname like 'steward\\_test\\_%'",
  );
  for (const { name } of rows) {
    const [, , pid, when = ""] = name.split("_");
    const startTime = Buffer.from(when, "hex").toString();
    if (!isAlive({ pid: Number(pid), startTime, bootId: bootId() })) {
      await client.query(`drop database if exists ${name} with (force)`);
    }
  }
}

async function isDatabase(client: pg.Client, name: string): Promise<boolean> {
  return (await client.query("select 1 from pg_database where datname = $1", [name])).rowCount === 1;
}

function withDatabase(url: string, name: string): string {
  const changed = new URL(url);
  changed.pathname = `/${name}`;
  return changed.href;
}

async function onServer<T>(url: string, work: (client: pg.Client) => Promise<T>): Promise<T> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await work(client);
  } finally {
    await client.end();
  }
}
