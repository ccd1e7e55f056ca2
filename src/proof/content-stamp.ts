import { createHash, randomUUID } from "node:crypto";
import { lstat, readFile } from "node:fs/promises";
import { isReadme, withoutStatusLines } from "./left-out.ts";
import { bytesOf, shown, walkContent } from "./walk-content.ts";

/**
 * A cheap sign that a service's content may have changed: over paths, sizes and change times, without reading a file but
 * a README, in which Steward's own line is no change.
 * Equal stamps mean equal content for all that happens by itself: while a file is so new that another save within the
 * same tick of the file system's clock would not show, no two stamps are equal. Who must be sure takes contentHash.
 * Never throws: a tree that cannot be read gives a stamp of its own.
 */
export async function contentStamp(serviceDir: string): Promise<string> {
  const lines: string[] = [];
  const now = Date.now();
  try {
    for await (const entry of walkContent(serviceDir)) {
      if (entry.kind === "folder") continue;
      if (entry.kind === "file" && isReadme(shown(entry.path)) && entry.bytes <= README_LIMIT_BYTES) {
        const own = withoutStatusLines(await readFile(bytesOf(serviceDir, entry.path), "latin1"));
        if (own !== "") lines.push(`${entry.path.length} ${entry.path} ${own}`);
        continue;
      }
      const { size, mtimeMs, ctimeMs, mode } = await lstat(bytesOf(serviceDir, entry.path));
      if (Math.abs(now - ctimeMs) < CLOCK_TICK_MS) lines.push(`saved just now: ${randomUUID()}`);
      lines.push(`${entry.path.length} ${entry.path} ${size} ${mtimeMs} ${ctimeMs} ${mode}`);
    }
  } catch (error) {
    lines.push(`unreadable ${String(error)}`);
  }
  return createHash("sha256").update(lines.toSorted().join("\n"), "latin1").digest("hex");
}

/** A README this large is no place for a status line. */
const README_LIMIT_BYTES = 1 << 20;
/** 4 ms, at times 10; and room for a clock that is read a little later. */
const CLOCK_TICK_MS = 50;
