// What is not the service's content: what tools write beside it, and what Steward itself writes. The hash, the clean
// copy and a release leave out the same, so nothing can be judged that is not shipped, or shipped that was not judged;
// an agent is given the same, so that it can build on all of it.

import { isToolFolder } from "./tool-folders.ts";

/** Steward's own, left out wherever they lie, as the folders of tools are. */
const OWN_FOLDERS = new Set([".steward", ".worktrees"]);

/** Left out only at the top, or in BUILD/: `src/coverage/` and `data/coverage.json` may well be an insurer's own. */
const TOP_FOLDERS = new Set(["PRODUCTION", "coverage"]);
const TOP_FILES = /^coverage\.(?:xml|json|lcov|out)$/;

const FILES = [
  // In a worktree or a submodule it is a file, and leads to the owner's repository.
  /^\.git$/,
  // In a worktree or a submodule git's folder is a file, which leads out of it.
  /^\.git$/i,
  /^\.DS_Store$/i,
  /^Thumbs\.db$/,
  /\.py[co]$/,
  /^\.coverage(\..+)?$/,
  /^lcov\.info$/,
  /^npm-debug\.log/,
  /\.tsbuildinfo$/,
  /\.sw[op]$/,
  /~$/,
  // What Steward itself writes a moment before it puts it in the place of a README or a source.
  /\.[0-9a-f]{12}\.tmp$/,
];

/** `.coveragerc` is a person's; `.coverage` and `.coverage.host.123` are data. */
export function isLeftOut(path: string, kind: "folder" | "file"): boolean {
  const parts = path.split("/");
  const name = parts.at(-1)!;
  const atTop = parts.length === 1 || (parts.length === 2 && parts[0] === "BUILD");
  if (kind === "file") return FILES.some((pattern) => pattern.test(name)) || (atTop && TOP_FILES.test(name));
  if (isToolFolder(name) || OWN_FOLDERS.has(name) || name.endsWith(".egg-info")) return true;
  return atTop && TOP_FOLDERS.has(name);
}

/** Stands in every line of a README that is Steward's. */
export const statusMarker = "<!-- steward:status -->";

/**
 * A README without Steward's own lines. Blank lines go too: Steward may have set its line apart with them. A README
 * of which nothing is left was made by Steward, and counts as not there.
 */
export function withoutStatusLines(readme: string): string {
  return readme
    .split(/\r?\n/)
    .filter((line) => line.trim() !== "" && !line.includes(statusMarker))
    .join("\n");
}

/** The same for a copy that people may read: only Steward's own lines are not in it. */
export function withoutOwnLines(readme: string): string {
  return readme
    .split("\n")
    .filter((line) => !line.includes(statusMarker))
    .join("\n");
}

/** A README larger than this is no place for a status line, and is taken as it is. */
export const README_LIMIT_BYTES = 1 << 20;

export function isReadme(path: string): boolean {
  return /^readme(\.(md|markdown|txt))?$/i.test(path);
}
