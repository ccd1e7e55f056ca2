import { spawn } from "node:child_process";
import { open, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#system/log.ts";
import { messageOf } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { cannotRun } from "./failures.ts";
import type { Programs } from "./binaries.ts";
import type { Layout } from "./layout.ts";
import { choosePort } from "./port.ts";
import { disownLockFile, findPostmaster, type Postmaster } from "./postmaster.ts";
import { serverEnvironment } from "./run-program.ts";
import { asUser, type ServerUser } from "./server-user.ts";

/**
 * Starts the server, detached, so that it outlives us, and waits until it takes connections: through the recovery
 * after a crash too, which has no bound of its own. Call it under the lock, with no server running.
 * After kill -9 of a postmaster its backends hold the shared memory until they notice; that is waited out.
 */
export async function launch({
  layout,
  programs,
  user,
  settings,
  log,
  orphanWaitMs = 30_000,
}: {
  layout: Layout;
  programs: Programs;
  user: ServerUser | null;
  settings: Record<string, string>;
  log: Log;
  orphanWaitMs?: number;
}): Promise<Postmaster> {
  const deadline = Date.now() + orphanWaitMs;
  for (;;) {
    const port = await choosePort(layout.port);
    const attempt = await startOnce({ layout, programs, user, settings, port });
    if (attempt.postmaster) {
      await writeFileAtomic(layout.port, String(port));
      return attempt.postmaster;
    }
    await disownLockFile(layout.data);
    if (!mayPass(attempt.output) || Date.now() > deadline) throw refused(layout, attempt.output);
    log.warn({ said: lastLines(attempt.output) }, "the database cannot start yet; trying again");
    await sleep(100);
  }
}

/** What a server says that an earlier one, or another program on its port, is about to make untrue. */
function mayPass(output: string): boolean {
  return /pre-existing shared memory block|lock file .* already exists|could not bind|Address already in use/.test(
    output,
  );
}

type Attempt = { postmaster: Postmaster | null; output: string };

async function startOnce({
  layout,
  programs,
  user,
  settings,
  port,
}: {
  layout: Layout;
  programs: Programs;
  user: ServerUser | null;
  settings: Record<string, string>;
  port: number;
}): Promise<Attempt> {
  await keepLogSmall(layout.log);
  const output = await open(layout.log, "a", 0o600);
  try {
    const from = (await output.stat()).size;
    const ended = spawnServer({ layout, programs, user, port, settings, logFd: output.fd });
    for (;;) {
      const exited = await Promise.race([ended, sleep(15, null)]);
      const postmaster = exited ? null : await findPostmaster(layout.data);
      if (postmaster?.ready) return { postmaster, output: "" };
      if (exited) return { postmaster: null, output: (await textFrom(layout.log, from)) || exited };
    }
  } finally {
    await output.close();
  }
}

/** Resolves, with why, if the server ends; as long as it runs it does not keep this process alive. */
function spawnServer({
  layout,
  programs,
  user,
  port,
  settings,
  logFd,
}: {
  layout: Layout;
  programs: Programs;
  user: ServerUser | null;
  port: number;
  settings: Record<string, string>;
  logFd: number;
}): Promise<string> {
  const newest = programs.major >= 18 ? settingsSince18 : {};
  const options = { ...serverSettings, ...newest, port: String(port), ...settings };
  const flags = Object.entries(options).flatMap(([name, value]) => ["-c", `${name}=${value}`]);
  const child = spawn(join(programs.folder, "bin", "postgres"), ["-D", layout.data, ...flags], {
    ...asUser(user),
    cwd: layout.cluster,
    detached: true,
    env: serverEnvironment,
    stdio: ["ignore", logFd, logFd],
  });
  child.unref();
  return new Promise((resolve) => {
    child.once("error", (error) => resolve(messageOf(error)));
    child.once("exit", (code, signal) => resolve(`postgres ended with ${code ?? signal}`));
  });
}

/**
 * Durable, and small while idle (measured at about 30 MiB): shared buffers are touched only as they fill, and no
 * worker processes stand by for I/O, parallel queries or replication.
 * fsync, synchronous_commit and full_page_writes are PostgreSQL's defaults, written out since all rests on them.
 */
const serverSettings = {
  listen_addresses: "127.0.0.1",
  unix_socket_directories: "",
  fsync: "on",
  synchronous_commit: "on",
  full_page_writes: "on",
  max_connections: "100",
  shared_buffers: "64MB",
  work_mem: "4MB",
  maintenance_work_mem: "32MB",
  wal_level: "minimal",
  max_wal_senders: "0",
  min_wal_size: "32MB",
  max_wal_size: "512MB",
  max_worker_processes: "1",
  max_parallel_workers_per_gather: "0",
  max_parallel_maintenance_workers: "0",
  max_logical_replication_workers: "0",
  jit: "off",
  log_checkpoints: "off",
  log_line_prefix: "%m [%p] %u@%d ",
  timezone: "UTC",
  log_timezone: "UTC",
};

const settingsSince18 = { autovacuum_worker_slots: "3", io_method: "sync" };

function refused(layout: Layout, output: string) {
  return cannotRun(
    `The embedded database in ${layout.database} did not start: ${lastLines(output)}`,
    `See the whole of ${layout.log} (a full disk and a folder made by a newer PostgreSQL are the usual reasons)`,
  );
}

function lastLines(output: string): string {
  return output.trim().split("\n").slice(-4).join(" / ");
}

async function textFrom(file: string, offset: number): Promise<string> {
  const handle = await open(file, "r");
  try {
    const length = Math.min(20_000, Math.max(0, (await handle.stat()).size - offset));
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(length), position: offset, length });
    return buffer.toString("utf8", 0, bytesRead);
  } finally {
    await handle.close();
  }
}

/** One older log is kept; 10 MB each, changed at a start, since the server holds its file open. */
async function keepLogSmall(file: string): Promise<void> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size < 10_000_000) return;
  await rm(`${file}.1`, { force: true });
  await rename(file, `${file}.1`);
}
