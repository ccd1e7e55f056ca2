import { constants } from "node:fs";
import { lstat, mkdir, open, readdir, realpath, type FileHandle } from "node:fs/promises";
import type { Dirent, Stats } from "node:fs";
import { basename, dirname, join } from "node:path";
import { hasErrorCode } from "#system/failure.ts";

/**
 * A folder held open, so that what is done in it is done in this one, even if somebody puts a link in its place
 * meanwhile. On Linux names are reached through the open folder itself (/proc/self/fd); macOS has no such way, and
 * there each step is checked just before it is taken.
 */
export type Folder = {
  /** The path of a name in it, for one call: it holds while the folder is open. */
  at(name: string): string;
  entries(): Promise<Dirent[]>;
  close(): Promise<void>;
};

/** Something else than a folder, such as a link, where a folder was to be. */
export class NotAFolder extends Error {
  override readonly name = "NotAFolder";
}

const { O_DIRECTORY, O_NOFOLLOW, O_NONBLOCK, O_RDONLY } = constants;
const linux = process.platform === "linux";

/**
 * The folders above it may be links: that is their owner's choice. It itself may not, or whoever can write beside it
 * could put any other folder in its place. Throws NotAFolder where it is one.
 */
export async function openRoot(path: string): Promise<Folder> {
  return openReal(join(await realpath(dirname(path)), basename(path)));
}

/**
 * The folder at `parts` below an open one, never through a link. Null if it is not there, unless it is to be made.
 * Throws NotAFolder where a file or a link stands in the way.
 */
export async function openBelow(
  root: Folder,
  parts: readonly string[],
  { make = false }: { make?: boolean } = {},
): Promise<Folder | null> {
  let folder = await openReal(root.at("."));
  for (const part of parts) {
    const above = folder;
    try {
      if (make) await mkdirIfAbsent(above.at(part));
      folder = await openReal(above.at(part));
    } catch (error) {
      if (!make && hasErrorCode(error, "ENOENT")) return null;
      throw error;
    } finally {
      await above.close();
    }
  }
  return folder;
}

/** A regular file's bytes; never through a link, never waiting for a pipe. Undefined if it is something else. */
export async function readRegular(
  folder: Folder,
  name: string,
  mostBytes: number,
): Promise<{ bytes: Buffer; stats: Stats } | undefined> {
  let file: FileHandle;
  try {
    file = await open(folder.at(name), O_RDONLY | O_NOFOLLOW | O_NONBLOCK);
  } catch (error) {
    // ELOOP: a link. ENXIO: a socket, or a device with nothing behind it.
    if (hasErrorCode(error, "ELOOP", "ENXIO", "EMLINK")) return undefined;
    throw error;
  }
  try {
    const stats = await file.stat();
    if (!stats.isFile() || stats.size > mostBytes) return undefined;
    return { bytes: await file.readFile(), stats };
  } finally {
    await file.close();
  }
}

/** What a name is, itself and not what it points to; null if there is nothing. */
export async function look(folder: Folder, name: string): Promise<Stats | null> {
  try {
    return await lstat(folder.at(name));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}

async function openReal(path: string): Promise<Folder> {
  let handle: FileHandle;
  try {
    handle = await open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  } catch (error) {
    if (hasErrorCode(error, "ENOTDIR", "ELOOP", "EMLINK")) throw new NotAFolder(`${path} is not a folder`);
    throw error;
  }
  const base = linux ? `/proc/self/fd/${handle.fd}` : path;
  return {
    at: (name) => (linux ? `${base}/${name}` : join(base, name)),
    entries: () => readdir(linux ? `${base}/.` : base, { withFileTypes: true }),
    close: () => handle.close(),
  };
}

async function mkdirIfAbsent(path: string): Promise<void> {
  try {
    await mkdir(path);
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
  }
}
