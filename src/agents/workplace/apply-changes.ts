import { realpath, rm, rmdir, unlink } from "node:fs/promises";
import { Failure, hasErrorCode, messageOf } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { sameState, stateOf, treeLimits, type Baseline, type FileState } from "./baseline.ts";
import type { Change } from "./collect-changes.ts";
import { describeChange } from "./describe-change.ts";
import { isControlFile, isTestFile } from "./kinds-of-files.ts";
import { look, NotAFolder, openBelow, openRoot, readRegular, type Folder } from "./open-folder.ts";

/** What stands in the service now and is neither what the run was given nor what it made of it: it is kept. */
export type Conflict = { path: string; reason: string };

/** A change that only the owner makes; `diff` is bounded. */
export type Proposal = { path: string; kind: Change["kind"]; reason: string; diff: string };

export type Applied = { applied: string[]; conflicts: Conflict[]; proposals: Proposal[] };

/** A file's place as it is now. `state` is missing unless it is a regular file. */
type Standing = { what: "nothing" | "file" | "other"; state?: FileState; bytes?: Buffer; mode?: number };

/**
 * Takes a run's changes over into the service, three-way and file by file: a file that a person edited meanwhile is
 * kept and reported; one that is already as the run made it counts as applied. So it can be run again after a kill at
 * any moment. Changes to protected paths, and removals of tests that were there before, come back as proposals.
 * It never writes through a link nor outside the service's folder.
 */
export async function applyChanges({
  serviceDir,
  workDir,
  baseline,
  changes,
  protectedPaths = isControlFile,
}: {
  serviceDir: string;
  workDir: string;
  baseline: Baseline;
  changes: readonly Change[];
  protectedPaths?: (path: string) => boolean;
}): Promise<Applied> {
  const service = await openService(serviceDir, baseline);
  const work = await openRoot(workDir);
  const outcome: Applied = { applied: [], conflicts: [], proposals: [] };
  try {
    // Removals first: a folder may have become a file, or a file a folder.
    const ordered = [
      ...changes.filter(({ kind }) => kind === "removed"),
      ...changes.filter(({ kind }) => kind !== "removed"),
    ];
    for (const change of ordered) await applyOne(change);
  } catch (error) {
    if (!hasErrorCode(error, "ENOSPC", "EDQUOT", "EROFS", "EACCES", "EPERM")) throw error;
    const why = `${serviceDir} cannot be written (${messageOf(error)})`;
    throw new Failure(
      "unavailable",
      `${why}: make room or make it writable. The run's changes are kept in ${workDir}.`,
      {
        cause: error,
      },
    );
  } finally {
    await service.close();
    await work.close();
  }
  return outcome;

  async function applyOne(change: Change): Promise<void> {
    const { path } = change;
    const parts = partsOf(path);
    const after = change.kind === "removed" ? undefined : change.after;
    const now = await standingAt(service, parts);
    if (now.what !== "other" && sameState(now.state, after)) {
      outcome.applied.push(path);
      return;
    }
    const bytes = after ? await bytesFrom(work, parts, after) : null;
    const reason = whyProposal(change);
    if (reason) {
      outcome.proposals.push({ path, kind: change.kind, reason, diff: describeChange(now.bytes ?? null, bytes) });
    } else if (now.what === "other") {
      outcome.conflicts.push({ path, reason: "A folder, a link or something else that is not a file stands there." });
    } else if (!sameState(now.state, baseline.files[path])) {
      outcome.conflicts.push({ path, reason: whatAPersonDid(now, baseline.files[path]) });
    } else if (bytes && after) {
      await put(service, parts, bytes, modeFor(after, now.mode));
      outcome.applied.push(path);
    } else {
      await remove(service, parts);
      outcome.applied.push(path);
    }
  }

  function whyProposal(change: Change): string | null {
    if (protectedPaths(change.path)) return "It says how work is judged or released, which is its owner's to say.";
    if (change.kind !== "removed" || !isTestFile(change.path)) return null;
    const before = baseline.files[change.path];
    const moved = changes.some(
      (other) => other.kind !== "removed" && isTestFile(other.path) && other.after.sha256 === before?.sha256,
    );
    return moved ? null : "It removes a test that was there before the run.";
  }
}

/** Only the folder that the run was given: one that was moved away or turned into a link since is not written to. */
async function openService(serviceDir: string, { root }: Baseline): Promise<Folder> {
  const real = await realpath(serviceDir).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT", "ELOOP", "ENOTDIR")) return null;
    throw error;
  });
  if (real === null)
    throw new Failure("not_found", `${serviceDir} is not there any more: nothing of the run was taken over.`);
  if (root === undefined || real === root) return openRoot(real);
  throw new Failure(
    "conflict",
    `${serviceDir} was ${root} when the run began and is ${real} now: nothing was taken over.`,
  );
}

/** The changes come from collectChanges; one that does not was made up, and could lead anywhere. */
function partsOf(path: string): string[] {
  const parts = path.split("/");
  if (
    parts.some(
      (part) => part === "" || part === "." || part === ".." || part.includes("\0") || part.toLowerCase() === ".git",
    )
  ) {
    throw new Failure("invalid", `${JSON.stringify(path)} is not a path in a service's folder.`);
  }
  return parts;
}

async function standingAt(root: Folder, parts: string[]): Promise<Standing> {
  try {
    return (await inFolderOf(root, parts, {}, standingIn)) ?? { what: "nothing" };
  } catch (error) {
    if (error instanceof NotAFolder) return { what: "other" };
    throw error;
  }
}

async function standingIn(folder: Folder, name: string): Promise<Standing> {
  const stats = await look(folder, name);
  if (stats === null) return { what: "nothing" };
  const read = stats.isFile() ? await readRegular(folder, name, treeLimits.fileBytes) : undefined;
  if (!read) return { what: "other" };
  return { what: "file", state: stateOf(read.bytes, read.stats.mode), bytes: read.bytes, mode: read.stats.mode };
}

/** The very bytes that were collected, and judged since. */
async function bytesFrom(work: Folder, parts: string[], expected: FileState): Promise<Buffer> {
  const found = await standingAt(work, parts);
  if (found.bytes && found.state?.sha256 === expected.sha256) return found.bytes;
  throw new Failure(
    "conflict",
    `${parts.join("/")} in the work folder is not what it was when it was looked at: collect again.`,
  );
}

function whatAPersonDid(now: Standing, before: FileState | undefined): string {
  if (now.what === "nothing") return "It was removed during the run.";
  return before ? "It was edited during the run." : "It was made during the run, with other content.";
}

async function put(root: Folder, parts: string[], bytes: Buffer, mode: number): Promise<void> {
  await inFolderOf(root, parts, { make: true }, async (folder, name) => {
    await removeUnfinished(folder, name);
    await writeFileAtomic(folder.at(name), bytes, { mode });
  });
}

/** What writeFileAtomic leaves beside its target when it is killed. */
async function removeUnfinished(folder: Folder, name: string): Promise<void> {
  for (const entry of await folder.entries()) {
    if (entry.name.startsWith(`${name}.`) && /^\.[0-9a-f]{12}\.tmp$/.test(entry.name.slice(name.length))) {
      await rm(folder.at(entry.name), { force: true });
    }
  }
}

/** Folders that are empty then go as well, as git does it. */
async function remove(root: Folder, parts: string[]): Promise<void> {
  await inFolderOf(root, parts, {}, async (folder, name) => {
    try {
      await unlink(folder.at(name));
    } catch (error) {
      if (!hasErrorCode(error, "ENOENT")) throw error;
    }
  });
  for (let above = parts.slice(0, -1); above.length > 0; above = above.slice(0, -1)) {
    const gone = await inFolderOf(root, above, {}, removeIfEmpty);
    if (gone === false) return;
  }
}

async function removeIfEmpty(folder: Folder, name: string): Promise<boolean> {
  try {
    await rmdir(folder.at(name));
    return true;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return true;
    if (hasErrorCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR", "EBUSY", "EACCES", "EPERM")) return false;
    throw error;
  }
}

/** Null if the folder is not there. */
async function inFolderOf<T>(
  root: Folder,
  parts: string[],
  { make = false }: { make?: boolean },
  act: (folder: Folder, name: string) => Promise<T>,
): Promise<T | null> {
  const folder = await openBelow(root, parts.slice(0, -1), { make });
  if (!folder) return null;
  try {
    return await act(folder, parts.at(-1)!);
  } finally {
    await folder.close();
  }
}

/** What the file may be for others stays as it is. */
function modeFor({ executable }: FileState, before: number = 0o644): number {
  return executable ? (before & 0o777) | 0o111 : before & 0o666;
}
