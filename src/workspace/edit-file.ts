import { randomBytes } from "node:crypto";
import { constants } from "node:fs";
import { access, mkdir, open, realpath, rename, rm, type FileHandle } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { Failure, hasErrorCode, messageOf } from "#system/failure.ts";
import { isInside } from "#system/files.ts";

export type EditOptions = {
  /** The workspace, as a real path: nothing outside it is written, whatever links say. */
  within: string;
  /** Lets the tests change the file between reading and replacing it. */
  beforeReplace?: (attempt: number) => Promise<void>;
};

/**
 * Changes a file that people edit too: reads its bytes (null if it is not there), asks `edit` for new ones (null: leave
 * it), and replaces it whole. If somebody saved it meanwhile, their version is read and edited instead. True if it was
 * written. Where its folder is gone nothing is written: what the owner took away is not made again. Fails with "conflict" if it never holds still, "invalid" if it is no file in the workspace.
 */
export async function editFile(
  path: string,
  { within, beforeReplace }: EditOptions,
  edit: (bytes: Buffer | null) => Buffer | null,
): Promise<boolean> {
  const target = await realTarget(path, within);
  return inTurn(target, () => editInTurn(path, target, edit, beforeReplace));
}

async function editInTurn(
  path: string,
  target: string,
  edit: (bytes: Buffer | null) => Buffer | null,
  beforeReplace: EditOptions["beforeReplace"],
): Promise<boolean> {
  for (let attempt = 1; attempt <= mostAttempts; attempt++) {
    const before = await readWhole(target);
    const after = edit(before?.bytes ?? null);
    if (after === null || (before !== null && after.equals(before.bytes))) return false;
    if (!(await hasFolder(target))) return false;
    const temporary = join(dirname(target), `.${basename(target)}.${randomBytes(6).toString("hex")}.tmp`);
    try {
      await writeFlushed(temporary, after, before?.mode ?? 0o644);
      await beforeReplace?.(attempt);
      const now = await readWhole(target);
      if (!sameBytes(before?.bytes ?? null, now?.bytes ?? null)) continue;
      await rename(temporary, target);
      await flushFolder(dirname(target));
      return true;
    } catch (error) {
      if (hasErrorCode(error, "ENOENT") && !(await isThere(dirname(target)))) return false;
      throw error;
    } finally {
      await rm(temporary, { force: true });
    }
  }
  throw new Failure(
    "conflict",
    `${path} was changed ${mostAttempts} times while it was edited. Nothing was written; try again.`,
  );
}

/** Folders that are Steward's to make, in one that is there. */
const ownFolders = new Set(["PRODUCTION", ".steward"]);

async function hasFolder(target: string): Promise<boolean> {
  const folder = dirname(target);
  if (await isThere(folder)) return true;
  if (!ownFolders.has(basename(folder))) return false;
  try {
    await mkdir(folder);
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return true;
    if (hasErrorCode(error, "ENOENT")) return false;
    throw cannot(folder, messageOf(error));
  }
}

const isThere = (path: string): Promise<boolean> =>
  access(path).then(
    () => true,
    () => false,
  );

/** Our own edits of one file wait for each other: other people's are found by comparing, ours need not be. */
async function inTurn<T>(target: string, action: () => Promise<T>): Promise<T> {
  const before = turns.get(target) ?? Promise.resolve();
  const mine = before.then(action, action);
  turns.set(target, mine);
  try {
    return await mine;
  } finally {
    if (turns.get(target) === mine) turns.delete(target);
  }
}

const turns = new Map<string, Promise<unknown>>();

/** Each attempt is a few milliseconds: who saves a file five times within one is no person. */
const mostAttempts = 5;
/** Files that people edit are far smaller, and this is read whole. */
const largest = 64 << 20;

/** Where the bytes really go: a link is written through, and not replaced, if it stays inside the workspace. */
async function realTarget(path: string, within: string): Promise<string> {
  let real: string;
  try {
    real = await realpath(path);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw cannot(path, messageOf(error));
    real = join(await nearestFolder(dirname(path)), basename(path));
  }
  if (!isInside(within, real)) throw cannot(path, `it leads out of ${within}`);
  return real;
}

async function nearestFolder(folder: string): Promise<string> {
  try {
    return await realpath(folder);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT") || dirname(folder) === folder) throw cannot(folder, messageOf(error));
    return join(await nearestFolder(dirname(folder)), basename(folder));
  }
}

async function readWhole(path: string): Promise<{ bytes: Buffer; mode: number } | null> {
  let file: FileHandle;
  try {
    file = await open(path, constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw cannot(path, messageOf(error));
  }
  try {
    const stat = await file.stat();
    if (!stat.isFile()) throw cannot(path, "it is not a file");
    if (stat.size > largest) throw cannot(path, "it is larger than 64 MiB");
    return { bytes: await file.readFile(), mode: stat.mode & 0o777 };
  } finally {
    await file.close();
  }
}

async function writeFlushed(path: string, bytes: Buffer, mode: number): Promise<void> {
  const file = await open(path, "wx", mode);
  try {
    await file.chmod(mode);
    await file.writeFile(bytes);
    await file.datasync();
  } finally {
    await file.close();
  }
}

async function flushFolder(path: string): Promise<void> {
  const folder = await open(path, constants.O_RDONLY);
  try {
    await folder.sync();
  } finally {
    await folder.close();
  }
}

const sameBytes = (a: Buffer | null, b: Buffer | null): boolean => (a === null || b === null ? a === b : a.equals(b));

const cannot = (path: string, why: string): Failure =>
  new Failure("invalid", `${path} cannot be edited: ${why}. It is left as it is.`);
