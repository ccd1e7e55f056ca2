import { link, readFile, rename, rm, writeFile } from "node:fs/promises";
import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { isAlive, ownIdentity, type ProcessIdentity } from "#system/processes.ts";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { cannotRun } from "./failures.ts";

/**
 * Runs `work` while no other process holds this lock file. A holder that died is replaced at once. Between two
 * processes that replace it at the same moment a window of two system calls is left; behind it stands PostgreSQL's
 * own check of its data directory, so that the worst is a refused start.
 */
export async function withLock<T>(file: string, work: () => Promise<T>, { waitMs = 90_000 } = {}): Promise<T> {
  const release = await acquire(file, waitMs);
  try {
    return await work();
  } finally {
    await release();
  }
}

/** Takes the lock if no living process holds it, until it is released or this process ends. Null if one does. */
export async function tryLock(file: string): Promise<{ release: () => Promise<void> } | null> {
  try {
    return { release: await acquire(file, 0) };
  } catch (error) {
    if (error instanceof Failure) return null;
    throw error;
  }
}

async function acquire(file: string, waitMs: number): Promise<() => Promise<void>> {
  const mine = JSON.stringify({ ...ownIdentity(), nonce: randomBytes(8).toString("hex") });
  const draft = `${file}.${randomBytes(6).toString("hex")}`;
  const deadline = Date.now() + waitMs;
  await writeFile(draft, mine, { mode: 0o600 });
  try {
    while (!(await linked(draft, file))) {
      const holder = await readFile(file, "utf8").catch(() => null);
      if (holder !== null && !holderLives(holder)) await takeAway(file, holder);
      else if (Date.now() > deadline) {
        throw cannotRun(`Another process has held ${file} for ${waitMs / 1000} s: ${holder}.`, "End that process");
      } else await sleep(20);
    }
  } finally {
    await rm(draft, { force: true });
  }
  return async () => {
    if ((await readFile(file, "utf8").catch(() => null)) === mine) await rm(file, { force: true });
  };
}

async function linked(draft: string, file: string): Promise<boolean> {
  try {
    await link(draft, file);
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  }
}

function holderLives(text: string): boolean {
  try {
    return isAlive(JSON.parse(text) as ProcessIdentity);
  } catch {
    return false;
  }
}

/** Moves the dead holder's file aside; if it is another's by now, that one is put back. */
async function takeAway(file: string, deadHolder: string): Promise<void> {
  const aside = `${file}.${randomBytes(6).toString("hex")}`;
  try {
    await rename(file, aside);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return;
    throw error;
  }
  if ((await readFile(aside, "utf8")) !== deadHolder) await linked(aside, file);
  await rm(aside, { force: true });
}
