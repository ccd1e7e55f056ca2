import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { Change } from "#agents/workplace/collect-changes.ts";
import { openRoot, readRegular } from "#agents/workplace/open-folder.ts";
import { findSpec } from "#proof/find-spec.ts";
import { readFrontMatter } from "#proof/front-matter.ts";
import { substanceOf } from "#proof/placeholder.ts";
import { readTree } from "#proof/read-tree.ts";
import { decodeText } from "#system/decode-text.ts";

/** A spec beyond this is read by nobody. */
const LIMIT_BYTES = 1 << 20;

/**
 * Where its owner turned drafting on, an architect may write the spec: `path` is then what may be taken over though it is
 * a control file. Not where it speaks for the owner: what stands in front matter says how the service is judged and run,
 * and what the owner has written stays, word for word. `reason` says why a draft is not taken. Neither: there is none.
 */
export async function judgeDraft(
  serviceDir: string,
  workDir: string,
  changes: readonly Change[],
): Promise<{ path: string | null; reason: string | null }> {
  const path = findSpec(readTree(serviceDir)) ?? "SPEC.md";
  const change = changes.find((one) => one.path === path && one.kind !== "removed");
  if (change === undefined || path.includes("/")) return { path: null, reason: null };
  const draft = await textIn(workDir, path);
  if (draft === null) return { path: null, reason: `${path} is not text, or larger than 1 MiB` };
  const before = change.kind === "added" ? "" : (decodeText(await readFile(join(serviceDir, path))) ?? "");
  const [owners, drafted] = [cut(before), cut(draft)];
  if (owners.front !== drafted.front) {
    return { path: null, reason: `the front matter of ${path} is its owner's to write: leave it as it is` };
  }
  const lost = firstLost(owners.body, drafted.body);
  if (lost === null) return { path, reason: null };
  return {
    path: null,
    reason: `the draft of ${path} takes away what its owner wrote: ${JSON.stringify(lost.slice(0, 200))}`,
  };
}

async function textIn(workDir: string, name: string): Promise<string | null> {
  const root = await openRoot(workDir);
  try {
    const read = await readRegular(root, name, LIMIT_BYTES);
    return read ? decodeText(read.bytes) : null;
  } finally {
    await root.close();
  }
}

function cut(text: string): { front: string; body: string[] } {
  const lines = text.replace(/^\uFEFF/, "").split(/\r\n|\n|\r/);
  const { lines: front } = readFrontMatter(lines);
  return { front: lines.slice(0, front).join("\n").trimEnd(), body: lines.slice(front) };
}

/** The first line of the owner's that says something and is not in the draft, in their order. */
function firstLost(owners: readonly string[], draft: readonly string[]): string | null {
  let at = 0;
  for (const line of owners) {
    const text = line.trim();
    // A heading may get another place with its section; that it is there, the check of the spec sees.
    if (text === "" || text.startsWith("#") || substanceOf(text, { noneIsAnAnswer: true }) !== "text") continue;
    const found = draft.findIndex((one, index) => index >= at && one.trim() === text);
    if (found < 0) return text;
    at = found + 1;
  }
  return null;
}
