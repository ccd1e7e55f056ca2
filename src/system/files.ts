import { constants } from "node:fs";
import { link, mkdir, open, rename, rm } from "node:fs/promises";
import { basename, dirname, isAbsolute, join, relative } from "node:path";
import { randomBytes } from "node:crypto";
import { hasErrorCode } from "./failure.ts";

/**
 * Replaces a file whole: a reader, and a machine that loses power, sees the old bytes or the new, never a part.
 * Written beside its target, flushed, renamed, and the folder flushed. The parent folder is made if need be. With `flush`
 * false, which spares two waits for the disk, a machine that loses power may see neither: for what is of no use after that.
 */
export async function writeFileAtomic(
  path: string,
  data: string | Uint8Array,
  { mode = 0o644, flush = true }: { mode?: number; flush?: boolean } = {},
): Promise<void> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = besideIt(path);
  try {
    const file = await open(temporary, "wx", mode);
    try {
      await file.writeFile(data);
      if (flush) await file.datasync();
    } finally {
      await file.close();
    }
    await rename(temporary, path);
  } catch (error) {
    await rm(temporary, { force: true });
    throw error;
  }
  if (flush) await flushFolder(folder);
}

/** A name may have 255 bytes: that of a file with a very long one is cut, so that the ending has room. */
function besideIt(path: string): string {
  let name = basename(path);
  while (Buffer.byteLength(name) > 230) name = name.slice(0, -1);
  return join(dirname(path), `${name}.${randomBytes(6).toString("hex")}.tmp`);
}

/**
 * Makes a file that is not there: whole or not at all, on the disk by then. False where it is there already, and is left as
 * it is: of several that make it at once, one does, and nobody ever reads a part. The parent folder is made if need be.
 */
export async function writeFileOnce(path: string, data: string | Uint8Array): Promise<boolean> {
  const folder = dirname(path);
  await mkdir(folder, { recursive: true });
  const temporary = join(folder, `.${randomBytes(8).toString("hex")}.tmp`);
  try {
    const file = await open(temporary, "wx", 0o644);
    try {
      await file.writeFile(data);
      await file.datasync();
    } finally {
      await file.close();
    }
    await link(temporary, path);
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
    return false;
  } finally {
    await rm(temporary, { force: true });
  }
  await flushFolder(folder);
  return true;
}

async function flushFolder(folder: string): Promise<void> {
  const handle = await open(folder, constants.O_RDONLY);
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}

/** True if `path` is `folder` or lies below it. Both absolute; links are not followed: pass real paths. */
export function isInside(folder: string, path: string): boolean {
  const way = relative(folder, path);
  return way === "" || (!way.startsWith("..") && !isAbsolute(way));
}
