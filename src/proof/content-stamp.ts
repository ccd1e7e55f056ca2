import { createHash } from "node:crypto";
import { lstat } from "node:fs/promises";
import { bytesOf, walkContent } from "./walk-content.ts";

/**
 * A cheap sign that a service's content may have changed: over paths, sizes and change times, without reading a file.
 * Equal stamps mean equal content for all that happens by itself; who must be sure takes contentHash. Never throws: a
 * tree that cannot be read gives a stamp of its own.
 */
export async function contentStamp(serviceDir: string): Promise<string> {
  const lines: string[] = [];
  try {
    for await (const entry of walkContent(serviceDir)) {
      if (entry.kind === "folder") continue;
      const { size, mtimeMs, ctimeMs, mode } = await lstat(bytesOf(serviceDir, entry.path));
      lines.push(`${entry.path.length} ${entry.path} ${size} ${mtimeMs} ${ctimeMs} ${mode}`);
    }
  } catch (error) {
    lines.push(`unreadable ${String(error)}`);
  }
  return createHash("sha256").update(lines.toSorted().join("\n"), "latin1").digest("hex");
}
