// Walks a service's content, folder by folder, in no promised order. Never follows a link.

import { lstat, readdir, readlink } from "node:fs/promises";
import { hasErrorCode } from "#system/failure.ts";
import { unreadable } from "./unreadable.ts";
import { isLeftOut } from "./left-out.ts";

/** `path` is relative, with "/", each character one byte (latin1): names that are not UTF-8 stay what they are. */
export type Entry =
  | { kind: "file"; path: string; bytes: number; executable: boolean }
  | { kind: "folder"; path: string }
  | { kind: "link"; path: string; target: string };

export async function* walkContent(root: string): AsyncGenerator<Entry> {
  const folders = [""];
  for (let folder = folders.pop(); folder !== undefined; folder = folders.pop()) {
    for (const name of await namesIn(root, folder)) {
      const path = folder === "" ? name : `${folder}/${name}`;
      const entry = await entryAt(root, path);
      if (entry === null) continue;
      if (entry.kind === "folder") folders.push(path);
      yield entry;
    }
  }
}

/** A path of the walk, as the system takes it. */
export function bytesOf(root: string, path: string): Buffer {
  return Buffer.concat([Buffer.from(`${root}/`), Buffer.from(path, "latin1")]);
}

/** A path of the walk, as people read it. */
export function shown(path: string): string {
  return Buffer.from(path, "latin1").toString("utf8");
}

async function namesIn(root: string, folder: string): Promise<string[]> {
  try {
    return await readdir(bytesOf(root, folder), { encoding: "latin1" });
  } catch (error) {
    // The service's own folder must be there; one inside it may have gone since it was listed.
    if (folder !== "" && hasErrorCode(error, "ENOENT", "ENOTDIR")) return [];
    throw unreadable(folder === "" ? root : shown(folder), error);
  }
}

/** Null for what is left out, has gone meanwhile, or is neither file, folder nor link (a pipe, a socket, a device). */
async function entryAt(root: string, path: string): Promise<Entry | null> {
  try {
    const stats = await lstat(bytesOf(root, path));
    if (stats.isDirectory()) return isLeftOut(shown(path), "folder") ? null : { kind: "folder", path };
    if (isLeftOut(shown(path), "file")) return null;
    if (stats.isSymbolicLink()) {
      // A link to an installed tree (node_modules, .venv) is as little content as the tree itself.
      if (isLeftOut(shown(path), "folder")) return null;
      return { kind: "link", path, target: await readlink(bytesOf(root, path), { encoding: "latin1" }) };
    }
    if (!stats.isFile()) return null;
    const executable = (stats.mode & 0o111) !== 0;
    return { kind: "file", path, bytes: stats.size, executable };
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
    throw unreadable(shown(path), error);
  }
}
