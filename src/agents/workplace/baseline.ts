import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";

/** One file as it was: what it holds, and whether it may be run. */
export type FileState = { sha256: string; executable: boolean };

/**
 * What a run was given: the owner's version, against which its changes are told. Links by their target. `root` is the
 * real path of the service's folder at that time: nothing is taken over into another one.
 */
export type Baseline = { files: Record<string, FileState>; links: Record<string, string>; root?: string };

export type TreeLimits = { files: number; bytes: number; fileBytes: number };

/** A service's own sources are a hundredth of these; what is larger is data or installed, and belongs elsewhere. */
export const treeLimits: TreeLimits = { files: 20_000, bytes: 512 * 1024 * 1024, fileBytes: 64 * 1024 * 1024 };

export function stateOf(bytes: Uint8Array, mode: number): FileState {
  return { sha256: createHash("sha256").update(bytes).digest("hex"), executable: (mode & 0o100) !== 0 };
}

export function sameState(one: FileState | undefined, other: FileState | undefined): boolean {
  return one?.sha256 === other?.sha256 && one?.executable === other?.executable;
}

/** Kept in the run folder: whoever collects the run may not be the process that started it. No run outlives the machine. */
export async function saveBaseline(path: string, baseline: Baseline): Promise<void> {
  await writeFileAtomic(path, JSON.stringify(baseline), { flush: false });
}

export async function readBaseline(path: string): Promise<Baseline> {
  const { files, links, root } = JSON.parse(await readFile(path, "utf8")) as Baseline;
  // A file may be named __proto__: what is looked up must be what was written.
  return { files: withoutPrototype(files), links: withoutPrototype(links), ...(root !== undefined && { root }) };
}

export function withoutPrototype<T>(record: Record<string, T>): Record<string, T> {
  return Object.assign(Object.create(null) as Record<string, T>, record);
}

/** Counts what is taken, and refuses a tree that is too much. */
export function treeMeter(what: string, limits: TreeLimits) {
  let files = 0;
  let bytes = 0;
  return (size: number): void => {
    files += 1;
    bytes += size;
    if (files > limits.files || bytes > limits.bytes) {
      throw new Failure(
        "invalid",
        `${what} has more than ${limits.files} files or ${limits.bytes / 2 ** 20} MiB: keep data and what is installed out of it.`,
      );
    }
  };
}
