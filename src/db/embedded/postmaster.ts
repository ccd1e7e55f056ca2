import { readFile, realpath, writeFile } from "node:fs/promises";
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { bootId, isAlive, startTimeOf } from "#system/processes.ts";

/** A server that runs on this data directory, as its postmaster.pid says and the process table confirms. */
export type Postmaster = { pid: number; startTime: string; port: number; ready: boolean };

/**
 * The living server of this data directory, or null. The file alone proves nothing: after kill -9 it stays, and the
 * number may be another program's by now, or a zombie's whose parent does not look.
 * Lines of the file (PostgreSQL's miscadmin.h): pid, data directory, start, port, socket folder, address, key, status.
 */
export async function findPostmaster(data: string): Promise<Postmaster | null> {
  const text = await readFile(`${data}/postmaster.pid`, "utf8").catch(() => "");
  const [first, , , port, , , , status] = text.split("\n");
  const pid = Number(first);
  if (!Number.isInteger(pid) || pid <= 0) return null;
  const startTime = startTimeOf(pid);
  if (startTime === null || !isAlive({ pid, startTime, bootId: bootId() })) return null;
  if (!(await servesData(pid, data))) return null;
  return { pid, startTime, port: Number(port), ready: status?.trim() === "ready" };
}

/**
 * Makes a postmaster.pid of a dead server say so. PostgreSQL refuses to start as long as any process of its user has
 * the number in it: a zombie, or after a restart of the machine or container another program. The rest of the file
 * stays: by the shared memory that it names PostgreSQL tells whether orphaned backends are still at work. Under the
 * lock only, since a server that is starting writes this file too.
 */
export async function disownLockFile(data: string): Promise<void> {
  const file = `${data}/postmaster.pid`;
  const text = await readFile(file, "utf8").catch(() => null);
  if (text === null || (await findPostmaster(data)) !== null) return;
  const [, ...rest] = text.split("\n");
  await writeFile(file, [String(noProcess), ...rest].join("\n"), { flag: "r+" });
}

/** Above the largest number that Linux (2^22) or macOS (99,998) gives to a process. */
const noProcess = 2 ** 30;

/** Our servers are started with `-D <data>`, so that their command line says which directory they serve. */
async function servesData(pid: number, data: string): Promise<boolean> {
  const real = await realpath(data);
  const words = await commandLine(pid);
  return words.includes(data) || words.includes(real);
}

async function commandLine(pid: number): Promise<string> {
  if (process.platform === "linux") {
    const words = await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
    return words.replaceAll("\0", " ");
  }
  const { stdout } = await promisify(execFile)("ps", ["-ww", "-o", "command=", "-p", String(pid)]).catch(() => ({
    stdout: "",
  }));
  return stdout;
}
