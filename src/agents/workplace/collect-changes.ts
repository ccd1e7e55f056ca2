import { readlink } from "node:fs/promises";
import {
  sameState,
  stateOf,
  treeLimits,
  treeMeter,
  withoutPrototype,
  type Baseline,
  type FileState,
  type TreeLimits,
} from "./baseline.ts";
import { isIgnored } from "./kinds-of-files.ts";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { NotAFolder, openRoot, readRegular, type Folder } from "./open-folder.ts";
import { walkTree } from "./walk-tree.ts";

/** What a run did to one file. Its bytes stay in the work folder; applyChanges takes them only if they are still these. */
export type Change =
  | { path: string; kind: "added" | "changed"; after: FileState; bytes: number }
  | { path: string; kind: "removed" };

/** Something that a run left and that is not taken over, with why. */
export type Refused = { path: string; reason: string };

/**
 * What a run changed in its work folder, in the order of paths. Only regular files with names that people can read are
 * taken: links and special files are refused, and what is refused is not taken for a removal of what was there.
 * Throws a Failure if there is too much of it.
 */
export async function collectChanges(
  workDir: string,
  baseline: Baseline,
  { limits = treeLimits }: { limits?: TreeLimits } = {},
): Promise<{ changes: Change[]; refused: Refused[] }> {
  const meter = treeMeter("What the run left", limits);
  const seen = withoutPrototype<FileState>({});
  const changes: Change[] = [];
  const refused: Refused[] = [];
  const refuse = (path: string, reason: string): number => refused.push({ path: shown(path), reason });
  const inTheWay = new Set<string>();
  const root = await openWork(workDir);
  try {
    await walkTree(root, {
      enter: (path, name) => {
        const absurd = whyAbsurd(path, name);
        if (absurd && !isIgnored(path)) refuse(path, absurd);
        return !absurd && !isIgnored(path);
      },
      unreadable: (path) => {
        inTheWay.add(path);
        refuse(path, "It cannot be read.");
      },
      found: async ({ path, name, kind, folder }) => {
        if (isIgnored(path)) return;
        const reason =
          whyAbsurd(path, name) ??
          (kind === "special" ? "It is a pipe, a socket or a device." : null) ??
          (kind === "link" ? await whyLink(path, folder.at(name)) : null);
        const read = reason === null && kind === "file" ? await readRegular(folder, name, limits.fileBytes) : undefined;
        if (!read) {
          inTheWay.add(path);
          if (reason !== null) refuse(path, reason);
          else if (kind === "file") refuse(path, `It is larger than ${limits.fileBytes / 2 ** 20} MiB.`);
          return;
        }
        meter(read.bytes.length);
        const after = stateOf(read.bytes, read.stats.mode);
        const before = baseline.files[path];
        seen[path] = after;
        if (sameState(before, after)) return;
        changes.push({ path, kind: before ? "changed" : "added", after, bytes: read.bytes.length });
      },
    });
  } finally {
    await root.close();
  }
  for (const path of Object.keys(baseline.files)) {
    if (!seen[path] && !isBelow(path, inTheWay)) changes.push({ path, kind: "removed" });
  }
  return { changes: changes.toSorted((a, b) => (a.path < b.path ? -1 : 1)), refused };

  /** Null for one that was there before: it is neither a change nor refused. */
  async function whyLink(path: string, at: string): Promise<string | null> {
    if ((await readlink(at)) === baseline.links[path]) return null;
    return "It is a link: links are not taken over from a run.";
  }
}

async function openWork(workDir: string): Promise<Folder> {
  try {
    return await openRoot(workDir);
  } catch (error) {
    if (!(error instanceof NotAFolder) && !hasErrorCode(error, "ENOENT", "EACCES")) throw error;
    throw new Failure("invalid", `The run removed its work folder ${workDir} or put something else in its place.`, {
      cause: error,
    });
  }
}

/** Names that hide what they are, or that no tool will handle well. 255 bytes: what file systems take. */
function whyAbsurd(path: string, name: string): string | null {
  if (name.includes("\uFFFD")) return "Its name is not valid UTF-8.";
  // eslint-disable-next-line no-control-regex
  if (/[\u0000-\u001f\u007f\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\\]/.test(name)) {
    return "Its name has a control character, a character that turns text around, or a backslash.";
  }
  if (Buffer.byteLength(path) > 1024) return "Its path is longer than 1,024 bytes.";
  return null;
}

function isBelow(path: string, places: ReadonlySet<string>): boolean {
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    if (places.has(path.slice(0, end))) return true;
  }
  return false;
}

const shown = (path: string): string => JSON.stringify(path.slice(0, 300)).slice(1, -1);
