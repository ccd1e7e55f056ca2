import { readdirSync, realpathSync, statSync, type Dirent } from "node:fs";
import { messageOf } from "#system/failure.ts";
import { isInside } from "#system/files.ts";
import { isIgnoredFolder, type Tree } from "./tree.ts";

/** Deep enough for BUILD/src/package/module/file; a service whose shape cannot be told by then has none. */
const deepest = 6;
/** A folder with more is data, not code: enough is seen to judge it. */
const mostEntries = 5000;

/**
 * Lists a service's files, without reading any. Links are never walked: one to a file inside `within` counts as a
 * file, one that leads out, to nowhere or in a circle is a problem. Never throws. Synchronous, since a scan of
 * thousands is several times faster so.
 */
export function readTree(folder: string, { within = folder }: { within?: string } = {}): Tree {
  const files: string[] = [];
  const folders: string[] = [];
  const names: string[] = [];
  const problems: string[] = [];
  const waiting = [{ path: "", depth: 0 }];
  for (let next = waiting.shift(); next !== undefined; next = waiting.shift()) {
    for (const entry of list(folder, next.path, problems)) {
      if (files.length + folders.length >= mostEntries) {
        problems.push(`more than ${mostEntries} files: only the first ones were looked at`);
        return { files, folders, names, problems };
      }
      const path = next.path + entry.name;
      if (next.depth < 2) names.push(path);
      const kind = entry.isSymbolicLink() ? followed(folder, path, within, problems) : kindOf(entry);
      if (kind === "file") files.push(path);
      if (kind !== "folder" || isIgnoredFolder(entry.name)) continue;
      folders.push(path);
      if (next.depth < deepest && !entry.isSymbolicLink()) waiting.push({ path: `${path}/`, depth: next.depth + 1 });
    }
  }
  return { files, folders, names, problems };
}

function list(folder: string, path: string, problems: string[]): Dirent[] {
  try {
    return readdirSync(`${folder}/${path}`, { withFileTypes: true });
  } catch (error) {
    problems.push(`${path === "" ? "the folder" : path} cannot be listed: ${messageOf(error)}`);
    return [];
  }
}

type Kind = "file" | "folder" | "other";

/** A pipe, a socket or a device named like a file is seen and never opened here; whoever opens it refuses it. */
const kindOf = (entry: Dirent): Kind => (entry.isDirectory() ? "folder" : entry.isFile() ? "file" : "other");

function followed(folder: string, path: string, within: string, problems: string[]): Kind {
  try {
    const target = realpathSync(`${folder}/${path}`);
    if (!isInside(within, target)) {
      problems.push(`${path} is a link that leads out of the workspace: not followed`);
      return "other";
    }
    const found = statSync(target);
    return found.isDirectory() ? "folder" : found.isFile() ? "file" : "other";
  } catch {
    problems.push(`${path} is a link that leads nowhere`);
    return "other";
  }
}
