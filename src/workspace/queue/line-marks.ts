/** The fields in a task's line that are Steward's to write. */
export type Mark = "Started" | "Label" | "Completed" | "Duration" | "Deliverables";

/** Sets and (null) takes out Steward's fields in a task's line; all else in it stays. `lineText` may be a table's cell. */
export function withMarks(lineText: string, marks: Partial<Record<Mark, string | null>>): string {
  const body = lineText.trimEnd();
  const trailing = lineText.slice(body.length);
  const separator = separatorOf(body);
  let line = body;
  for (const name of Object.keys(marks)) line = without(line, name as Mark);
  for (const [name, value] of Object.entries(marks)) {
    if (value !== null && value !== undefined) line += `${separator}${name}: ${value}`;
  }
  return line + trailing;
}

/** How this line, or else the file, parts its fields: the seed's ` - `, or a dash, dot or bar. */
const separatorOf = (line: string): string =>
  /[ \t]([—–|·])[ \t](?:\*\*)?(?:Added|Created|Priority|Prio|Est|Started|Label)\b/i
    .exec(line)?.[1]
    ?.replace(/^.*$/, " $& ") ?? " - ";

/** What Steward writes: a value of another form under the same word is its owner's, and stays. */
const ownValues: Record<Mark, string> = {
  Started: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d",
  Label: "[a-z0-9][a-z0-9-]{0,60}",
  Completed: "\\d{4}-\\d\\d-\\d\\d \\d\\d:\\d\\d",
  Duration: "(?:\\d+ h(?: \\d+ min)?|\\d+ min|under a minute)",
  Deliverables: "\\[(?:(?![ \\t][-—–|·][ \\t]).){0,30000}",
};

const without = (line: string, name: Mark): string =>
  line.replace(new RegExp(`[ \\t]{1,4}[-—–|·][ \\t]{1,4}${name}: ${ownValues[name]}(?=[ \\t]|$)`, "g"), "");

/** With its box ticked, or not; a line without a box gets one only to be ticked. Null where it is no list item. */
export function withBox(lineText: string, ticked: boolean): string | null {
  const item = /^([ \t>]{0,60}(?:[-*+]|\d{1,9}[.)])[ \t]{1,4})(\[[^\]]{0,4}\](?=[ \t]))?/.exec(lineText);
  if (item === null) return null;
  const rest = lineText.slice(item[0].length);
  if (item[2] === undefined) return ticked ? `${item[1]}[x] ${rest}` : lineText;
  return `${item[1]}[${ticked ? "x" : " "}]${rest}`;
}

/** A file or an address as a link whose text and target end where they should, whatever is in them. */
export function linkTo(target: string): string {
  const clean = target
    .replace(/[\p{Cc}\p{Cs}]+/gu, " ")
    .trim()
    .slice(0, 500);
  const text = clean.replace(/[\\`*_[\]<>|&~!]/g, "\\$&").replace(/\s[-—–|·]\s/g, " ");
  const address = encodeURI(clean)
    .replace(/%25([0-9A-F]{2})/gi, "%$1")
    .replace(/[()|*_~\\]/g, (sign) => `%${sign.charCodeAt(0).toString(16)}`);
  return `[${text}](${address})`;
}

/** Where a table's row has its cells, between bars that are not escaped. */
function cellsOf(row: string): { from: number; to: number }[] {
  const bars = [...row.matchAll(/(?<!\\)\|/g)].map(({ index }) => index);
  const starts = row.trimStart().startsWith("|") ? bars : [-1, ...bars];
  const ends = /(?<!\\)\|[ \t]*$/.test(row) ? starts : [...starts, row.length];
  return ends.slice(1).map((to, index) => ({ from: ends[index]! + 1, to }));
}

/** With one cell changed, as wide as it was where that is enough. Null where the row has no such cell. */
export function withCell(row: string, column: number, change: (cell: string) => string): string | null {
  const cell = cellsOf(row)[column];
  if (cell === undefined) return null;
  const written = row.slice(cell.from, cell.to);
  const text = change(written.trim()).replace(/(?<!\\)\|/g, "\\|");
  return (
    row.slice(0, cell.from) +
    (written.trim() === "" && written.length < 2 ? ` ${text} ` : around(written, text)) +
    row.slice(cell.to)
  );
}

function around(written: string, text: string): string {
  const before = /^[ \t]*/.exec(written)![0];
  const after = /[ \t]*$/.exec(written)![0];
  const wide = written.length - before.length;
  return before + (after === "" ? text : `${text} `.padEnd(wide));
}
