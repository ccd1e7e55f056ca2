import { homedir } from "node:os";
import { join, resolve } from "node:path";
import { mkdir, readFile } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Log } from "#system/log.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";
import { isConnectionLost } from "#db/db.ts";
import { enter } from "./alive.ts";
import { installBinaries, type Programs } from "./binaries.ts";
import { adminName, createCluster } from "./create-cluster.ts";
import { cannotRun } from "./failures.ts";
import { keepRunning } from "./keep-running.ts";
import { launch } from "./launch.ts";
import { layoutOf, type Layout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";
import { serverUser } from "./server-user.ts";
import { stopEmbedded, stopIfLast } from "./stop-embedded.ts";

/** A home's own PostgreSQL, running. */
export type Embedded = {
  /** For the superuser `steward` on the database `steward`. It holds the password: do not log it. */
  adminUrl: string;
  host: "127.0.0.1";
  port: number;
  pid: number;
  /** True if the server was running already. */
  adopted: boolean;
  /** The database directory, for the owner to know. */
  folder: string;
  /** Says that this process is done; the server ends if nobody else here needs it. True if it ended. */
  leave(): Promise<boolean>;
  /** Ends the server whoever needs it. */
  stop(): Promise<void>;
};

export type EmbeddedOptions = {
  /** The folder that holds `database/` and `alive/`. */
  home: string;
  log: Log;
  /** Where the programs are copied to, once for each version of PostgreSQL. */
  stateRoot?: string;
  /** Settings that replace ours, for tests. */
  settings?: Record<string, string>;
  /** Another PostgreSQL than the platform package's, for tests on an older one. */
  programs?: Programs;
};

/**
 * The home's database server, started if it does not run and adopted if it does: it is detached, so that it lives
 * through kill -9 of whoever started it. Any number of processes may ask at once; one server comes of it.
 */
export async function startEmbedded({
  home,
  log,
  stateRoot = defaultStateRoot(),
  settings = {},
  programs: given,
}: EmbeddedOptions): Promise<Embedded> {
  const layout = layoutOf(resolve(home));
  const user = await serverUser(layout.data);
  const programs = given ?? (await installBinaries({ stateRoot, user, log }));
  // Before the server is looked for: whoever is the last one out then sees us, or we see that it has stopped.
  const presence = await makeHome(layout);
  const start = () => launch({ layout, programs, user, settings, log });
  try {
    const { postmaster, adopted } = await withLock(layout.lock, async () => {
      await createCluster({ layout, programs, user, log });
      const running = await findPostmaster(layout.data);
      return { postmaster: running ?? (await start()), adopted: running !== null };
    });
    // Guarded before it is first asked: one that is killed in between comes back while we wait for its answer.
    const guard = keepRunning({ layout, postmaster, start, log });
    const adminUrl = await connectable(layout, postmaster).catch(async (error: unknown) => {
      await guard.stop();
      throw error;
    });
    log.info({ server: postmaster.pid, port: postmaster.port, adopted }, "the embedded database is ready");
    return {
      adminUrl,
      host: "127.0.0.1",
      port: postmaster.port,
      pid: postmaster.pid,
      adopted,
      folder: layout.database,
      leave: async () => {
        await guard.stop();
        await presence.leave();
        return stopIfLast(layout.home);
      },
      stop: async () => {
        await guard.stop();
        await presence.leave();
        await stopEmbedded(layout.home);
      },
    };
  } catch (error) {
    await presence.leave();
    throw asFailure(layout, error);
  }
}

/** Root keeps it where `postgres` and `nobody` can come; others where their desktop keeps such things. */
export function defaultStateRoot(): string {
  return process.getuid?.() === 0 ? "/var/lib/steward" : join(homedir(), ".local", "state", "steward");
}

async function makeHome(layout: Layout): Promise<{ leave(): Promise<void> }> {
  try {
    await mkdir(layout.database, { recursive: true, mode: 0o755 });
    return await enter(layout.home);
  } catch (error) {
    throw asFailure(layout, error);
  }
}

/** A full or read-only disk shows up anywhere above as one of these. */
function asFailure(layout: Layout, error: unknown): unknown {
  if (!hasErrorCode(error, "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR")) return error;
  return cannotRun(
    `The embedded database in ${layout.database} could not be made or started: ${messageOf(error)}.`,
    "Make room there and make it writable, choose another home (STEWARD_HOME)",
    error,
  );
}

/** Waits until our password opens it, and makes the database named `steward` the first time. */
async function connectable(layout: Layout, { port }: Postmaster): Promise<string> {
  const password = await readFile(layout.password, "utf8");
  const urlOf = (database: string) => `postgresql://${adminName}:${password}@127.0.0.1:${port}/${database}`;
  const deadline = Date.now() + 60_000;
  for (;;) {
    try {
      await makeDatabase(urlOf("postgres"));
      return urlOf(adminName);
    } catch (error) {
      // Still starting up, as a server that we adopted may be; or restarting after a crash or a kill.
      const starting = isConnectionLost(error);
      if (!starting || Date.now() > deadline) {
        throw cannotRun(
          `The embedded database in ${layout.database} runs but refuses us: ${messageOf(error)}.`,
          `See ${layout.log}`,
          error,
        );
      }
      await sleep(50);
    }
  }
}

async function makeDatabase(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url, connectionTimeoutMillis: 10_000 });
  // A server that is killed now fails the statement under way; unheard, the event would end the process.
  client.on("error", () => {});
  await client.connect();
  try {
    const { rowCount } = await client.query("select 1 from pg_database where datname = $1", [adminName]);
    if (rowCount === 0) await client.query(`create database ${adminName}`);
  } catch (error) {
    // 42P04, 23505: another process has just made it.
    if (!hasErrorCode(error, "42P04", "23505")) throw error;
  } finally {
    await client.end();
  }
}
