import { structuredPatch } from "diff";

export type LineDifference = { added: number; removed: number; text: string };

/** More than this of a difference is cut off: a ticket is read by somebody. */
const MOST_LINES = 2_000;

/** What changed between two texts, line by line, as the hunks of a unified diff with three lines around each change. */
export function lineDifference(before: string, after: string): LineDifference {
  const lines = structuredPatch("", "", before, after, "", "", { context: 3 }).hunks.flatMap((hunk) => [
    `@@ -${hunk.oldStart},${hunk.oldLines} +${hunk.newStart},${hunk.newLines} @@`,
    ...hunk.lines,
  ]);
  const cut =
    lines.length > MOST_LINES ? [...lines.slice(0, MOST_LINES), `... ${lines.length - MOST_LINES} more lines`] : lines;
  return {
    added: lines.filter((line) => line.startsWith("+")).length,
    removed: lines.filter((line) => line.startsWith("-")).length,
    text: cut.join("\n"),
  };
}
