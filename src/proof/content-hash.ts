import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { pipeline } from "node:stream/promises";
import { hasErrorCode } from "#system/failure.ts";
import { eachOf } from "./each-of.ts";
import { README_LIMIT_BYTES, isReadme, withoutStatusLines } from "./left-out.ts";
import { unreadable } from "./unreadable.ts";
import { bytesOf, shown, walkContent, type Entry } from "./walk-content.ts";

/** Files read at once. More does not help: libuv reads with four threads. */
const READS_AT_ONCE = 8;

/** Above this a file is streamed; below it one read is quicker. */
const STREAM_ABOVE_BYTES = 256 << 10;

/**
 * SHA-256, in hex, over what a service is: the sorted relative paths, whether each file is executable, and its bytes;
 * for a link its text. Empty folders, times and owners do not count, and neither does what left-out.ts names.
 * Fails with "invalid" when something cannot be read.
 */
export async function contentHash(serviceDir: string): Promise<string> {
  const lines: string[] = [];
  await eachOf(walkContent(serviceDir), READS_AT_ONCE, async (entry) => {
    const line = await lineOf(serviceDir, entry);
    if (line !== null) lines.push(line);
  });
  // Each line begins with its path's length: no name, whatever it holds, can pass for two.
  return createHash("sha256").update(lines.toSorted().join("\n"), "latin1").digest("hex");
}

async function lineOf(root: string, entry: Entry): Promise<string | null> {
  const name = `${entry.path.length} ${entry.path}`;
  if (entry.kind === "folder") return null;
  if (entry.kind === "link") return `${name} link ${entry.target.length} ${entry.target}`;
  try {
    const digest = await digestOf(root, entry);
    return digest === null ? null : `${name} ${entry.executable ? "x" : "-"} ${digest}`;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw unreadable(join(root, shown(entry.path)), error);
  }
}

/** Null for a README that holds nothing but Steward's own line. */
async function digestOf(root: string, entry: Entry & { kind: "file" }): Promise<string | null> {
  const path = bytesOf(root, entry.path);
  if (isReadme(shown(entry.path)) && entry.bytes <= README_LIMIT_BYTES) {
    const own = withoutStatusLines(await readFile(path, "latin1"));
    return own === "" ? null : createHash("sha256").update(own, "latin1").digest("hex");
  }
  const hash = createHash("sha256");
  if (entry.bytes > STREAM_ABOVE_BYTES) await pipeline(createReadStream(path), hash);
  else hash.update(await readFile(path));
  return hash.digest("hex");
}
