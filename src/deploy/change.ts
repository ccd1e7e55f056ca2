// A change of what is in production: one at a time per service, and written down while it is made, so that one that was
// broken off at any moment can be finished or undone.
import { link, mkdir, rm, unlink, writeFile } from "node:fs/promises";
import { setTimeout as pause } from "node:timers/promises";
import { readState, type ServiceFolder } from "./service-folder.ts";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { uuidv7 } from "#system/ids.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "#system/processes.ts";

export type Change = {
  kind: "deploy" | "rollback" | "restart" | "recover";
  version: string;
  /** The start that this change makes; chosen before it is made, so that what it leaves behind can be found. */
  run: string;
  startedAt: string;
  /** The version that goes out because of this, and why; for a rollback. */
  withdraws: { version: string; reason: string } | null;
};

/** Runs `work` while no other change of this service is made, by this process or another. */
export async function whileAlone<T>(folder: ServiceFolder, what: string, work: () => Promise<T>): Promise<T> {
  await mkdir(folder.path, { recursive: true });
  await takeLock(folder, what);
  try {
    return await work();
  } finally {
    await rm(folder.lock, { force: true });
  }
}

type Lock = ProcessIdentity & { what: string; id: string };

async function takeLock(folder: ServiceFolder, what: string): Promise<void> {
  // Linked into place whole: a lock file that is there can be read.
  const id = uuidv7();
  const mine = `${folder.lock}.${id}`;
  await writeFile(mine, JSON.stringify({ ...ownIdentity(), what, id } satisfies Lock), { flag: "wx" });
  try {
    const holder = await takeFrom(folder.lock, mine);
    if (holder === null) return;
    throw new Failure(
      "conflict",
      `${folder.service}: a ${holder.what} is being made by process ${holder.pid}: wait until it has ended`,
    );
  } finally {
    await unlink(mine);
  }
}

/** A second is long for the few file operations that another may be in the middle of. */
const TAKE_ATTEMPTS = 100;
const TAKE_PAUSE_MS = 10;

/**
 * Links `mine` to `path`, in the place of one whose holder died. Null if it is ours now, else who has it. Several may
 * see the dead one at once: who has the lock on removing just that one removes it, so that nobody's living one goes.
 */
async function takeFrom(path: string, mine: string): Promise<Lock | null> {
  for (let attempt = 0; attempt < TAKE_ATTEMPTS; attempt += 1) {
    try {
      await link(mine, path);
      return null;
    } catch (error) {
      if (!hasErrorCode(error, "EEXIST")) throw error;
    }
    const holder = await readState<Lock>(path);
    if (holder === null) continue;
    if (isAlive(holder)) return holder;
    const removing = `${path}.${holder.id}`;
    if ((await takeFrom(removing, mine)) !== null) {
      await pause(TAKE_PAUSE_MS);
      continue;
    }
    try {
      if ((await readState<Lock>(path))?.id === holder.id) await rm(path, { force: true });
    } finally {
      await rm(removing, { force: true });
    }
  }
  throw new Failure("conflict", `${path}: another change is being made: try again`);
}

export async function readChange(folder: ServiceFolder): Promise<Change | null> {
  return readState<Change>(folder.journal);
}

/** The change that is written down and made by nobody any more; null if there is none. */
export async function brokenOffChange(folder: ServiceFolder): Promise<Change | null> {
  const change = await readChange(folder);
  if (change === null) return null;
  const holder = await readState<Lock>(folder.lock);
  if (holder !== null && isAlive(holder)) return null;
  // It may have ended between the two looks.
  return (await readChange(folder))?.run === change.run ? change : null;
}

/** Begins a change, or goes on with the same one that was broken off. */
export async function beginChange(
  folder: ServiceFolder,
  kind: Change["kind"],
  version: string,
  withdraws: Change["withdraws"] = null,
): Promise<Change> {
  const unfinished = await readChange(folder);
  if (unfinished?.kind === kind && unfinished.version === version) return unfinished;
  const change: Change = { kind, version, run: uuidv7(), startedAt: new Date().toISOString(), withdraws };
  await writeFileAtomic(folder.journal, `${JSON.stringify(change, null, 2)}\n`);
  return change;
}

export async function endChange(folder: ServiceFolder): Promise<void> {
  await rm(folder.journal, { force: true });
}
