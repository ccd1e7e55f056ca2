// A change of what is in production: one at a time per service, and written down while it is made, so that one that was
// broken off at any moment can be finished or undone.
import { link, mkdir, rm, unlink, writeFile } from "node:fs/promises";
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

type Lock = ProcessIdentity & { what: string };

async function takeLock(folder: ServiceFolder, what: string): Promise<void> {
  // Linked into place whole: a lock file that is there can be read.
  const mine = `${folder.lock}.${uuidv7()}`;
  await writeFile(mine, JSON.stringify({ ...ownIdentity(), what } satisfies Lock), { flag: "wx" });
  try {
    for (let attempt = 0; attempt < 5; attempt += 1) {
      try {
        await link(mine, folder.lock);
        return;
      } catch (error) {
        if (!hasErrorCode(error, "EEXIST")) throw error;
      }
      const holder = await readState<Lock>(folder.lock);
      if (holder !== null && isAlive(holder)) {
        throw new Failure(
          "conflict",
          `${folder.service}: a ${holder.what} is being made by process ${holder.pid}: wait until it has ended`,
        );
      }
      // Its holder died. Two who see this at once may both remove it; then one of them links first, the other waits.
      if (holder !== null) await rm(folder.lock, { force: true });
    }
  } finally {
    await unlink(mine);
  }
  throw new Failure("conflict", `${folder.service}: another change is being made: try again`);
}

export async function readChange(folder: ServiceFolder): Promise<Change | null> {
  return readState<Change>(folder.journal);
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
