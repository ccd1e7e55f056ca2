/**
 * A plain table, each column as wide as its widest cell. For a terminal the last is cut to its width, and no other is
 * wider than a third of it (or 40, so that ids stay whole): one long name must not push all else out of sight.
 */
export function table(
  head: readonly string[],
  rows: readonly (readonly string[])[],
  {
    width = process.stdout.columns,
    paint = (cell) => cell,
  }: {
    width?: number | undefined;
    /** Colours a cell. It is asked after all widths are known, and not for the head. */
    paint?: (cell: string, column: number) => string;
  } = {},
): string {
  const most = width === undefined ? Infinity : Math.max(40, Math.floor(width / 3));
  const all = [head, ...rows].map((row) =>
    row.map((cell, column) => (column === row.length - 1 ? printable(cell) : cut(printable(cell), most))),
  );
  const widths = head.map((_, column) => Math.max(...all.map((row) => widthOf(row[column] ?? ""))));
  const before = widths.slice(0, -1).reduce((sum, column) => sum + column + 2, 0);
  const lines = all.map((row, index) =>
    row
      .map((cell, column) => {
        const isLast = column === row.length - 1;
        const shown = isLast && width !== undefined ? cut(cell, Math.max(width - before, 20)) : cell;
        const padding = isLast ? "" : " ".repeat(widths[column]! - widthOf(cell));
        return (index === 0 ? shown : paint(shown, column)) + padding;
      })
      .join("  ")
      .trimEnd(),
  );
  return `${lines.join("\n")}\n`;
}

/** Names come from folders and files: no control code of theirs reaches the terminal. */
export const printable = (text: string): string => text.replace(/[[\p{Cc}\p{Cf}]--\u200D]+/gv, " ");

const graphemes = new Intl.Segmenter();

/** Columns that a terminal gives to a text: two for emoji and for East Asian wide letters, none for marks. */
export function widthOf(text: string): number {
  if (/^[\x20-\x7e]*$/.test(text)) return text.length;
  let width = 0;
  for (const { segment } of graphemes.segment(text))
    width += wide.test(segment) ? 2 : /^\p{M}+$/u.test(segment) ? 0 : 1;
  return width;
}

const wide =
  /\p{Emoji_Presentation}|\p{Extended_Pictographic}\u{FE0F}|[\u1100-\u115F\u2E80-\u303E\u3041-\uA4CF\uAC00-\uD7A3\uF900-\uFAFF\uFE30-\uFE6F\uFF00-\uFF60\uFFE0-\uFFE6\u{20000}-\u{3FFFD}]/u;

function cut(text: string, width: number): string {
  if (widthOf(text) <= width) return text;
  let kept = "";
  let used = 0;
  for (const { segment } of graphemes.segment(text)) {
    used += widthOf(segment);
    if (used > width - 1) break;
    kept += segment;
  }
  return `${kept}…`;
}
