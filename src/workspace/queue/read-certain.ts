import type { Block, Inline, Item, Table } from "./block.ts";

/**
 * Reads a piece of Markdown in which every line can mean one thing only: headings, bullets one below the other in steps of
 * two spaces, tables, with plain, bold, linked and code text. Null for anything else, which is then the real parser's: that
 * one takes a second and more for five thousand tasks, and this a few milliseconds. A test holds that both agree.
 */
export function readCertain(lines: readonly string[], from: number, to: number): Block[] | null {
  const blocks: Block[] = [];
  const open: Item[] = [];
  for (let at = from; at < to; at++) {
    const line = lines[at]!;
    if (line === "") continue;
    const item = /^((?: {2}){0,4})[-*+] (?:\[([ xX])\] )?(?=[\p{L}\p{N}*`[(])(.*)$/u.exec(line);
    if (item !== null) {
      const depth = item[1]!.length / 2;
      const inline = certainInline(item[3]!);
      if (inline === null || depth > open.length || /^\d{1,9}[.)](?:\s|$)/.test(item[3]!)) return null;
      const checked = item[2] === undefined ? null : item[2] !== " ";
      const block: Item = { kind: "item", line: at, end: at + 1, checked, inline, children: [] };
      (depth === 0 ? blocks : open[depth - 1]!.children).push(block);
      open.splice(depth, open.length, block);
      for (const parent of open) parent.end = at + 1;
      continue;
    }
    const heading = /^(#{1,6}) (?=[\p{L}\p{N}*`[(])(.*)$/u.exec(line);
    if (heading !== null && !/#[ \t]*$/.test(line)) {
      const inline = certainInline(heading[2]!);
      if (inline === null) return null;
      const text = inline.map((part) => part.text).join("");
      blocks.push({ kind: "heading", line: at, end: at + 1, level: heading[1]!.length, text });
      open.length = 0;
      continue;
    }
    const table = at === from || lines[at - 1] === "" ? certainTable(lines, at, to) : null;
    if (table === null) return null;
    blocks.push(table);
    open.length = 0;
    at = table.end - 1;
  }
  return blocks;
}

/** From its header down to a blank line; every row begins and ends with a bar and has as many cells as the header. */
function certainTable(lines: readonly string[], at: number, to: number): Table | null {
  const header = certainCells(lines[at]!);
  if (header === null || !/^\|(?: *:?-+:? *\|)+$/.test(lines[at + 1] ?? "")) return null;
  if (lines[at + 1]!.split("|").length - 2 !== header.length) return null;
  const table: Table = { kind: "table", line: at, end: at + 2, header, rows: [] };
  for (; table.end < to && lines[table.end] !== ""; table.end++) {
    const cells = certainCells(lines[table.end]!);
    if (cells === null || cells.length !== header.length) return null;
    table.rows.push({ line: table.end, cells });
  }
  return table;
}

function certainCells(line: string): Inline[][] | null {
  if (!line.startsWith("|") || !line.endsWith("|") || line.length < 2) return null;
  const cells: Inline[][] = [];
  for (const cell of line.slice(1, -1).split("|")) {
    const inline = cell.includes("`") ? null : certainInline(cell.trim());
    if (inline === null) return null;
    cells.push(inline);
  }
  return cells;
}

/**
 * Text, `**bold**` and `code` between spaces or at the ends, and `[text](address)`, none of them in another. Underscores,
 * backslashes, entities, angle brackets and control characters are left to the parser.
 */
function certainInline(written: string): Inline[] | null {
  const text = written.replace(/ +$/, "");
  if (plain.test(text)) return text === "" ? [] : [{ kind: "text", text }];
  if (text.length > 2000) return null;
  const found: Inline[] = [];
  let from = 0;
  for (const match of text.matchAll(marked)) {
    const before = text.slice(from, match.index);
    if (!plain.test(before)) return null;
    if (before !== "") found.push({ kind: "text", text: before });
    const [whole, strong, code, link] = match;
    if (strong !== undefined) found.push({ kind: "strong", text: strong });
    else if (code !== undefined) found.push({ kind: "code", text: code });
    else if (link !== undefined) found.push({ kind: "link", text: link });
    from = match.index + whole.length;
  }
  const rest = text.slice(from);
  if (!plain.test(rest)) return null;
  if (rest !== "") found.push({ kind: "text", text: rest });
  return found;
}

const plain = /^[^\p{Cc}\p{Cs}\u2028\u2029*_`[\]<>&\\~!|]*$/u;
const inner = "[\\p{L}\\p{N}](?:[^\\p{Cc}\\p{Cs}\\u2028\\u2029*_`[\\]<>&\\\\~!|]*[\\p{L}\\p{N}:.)])?";
const marked = new RegExp(
  `(?<=^|[ (])\\*\\*(${inner})\\*\\*(?=$|[ ,.:;)])` +
    `|(?<=^|[ (])\`([\\p{L}\\p{N}/.](?:[^\\p{Cc}\\p{Cs}\`|]*[^\\p{Cc}\\p{Cs}\`| ])?)\`(?=$|[ ,.:;)])` +
    `|(?<=^|[ (])\\[(${inner})\\]\\([a-zA-Z0-9/.:#?=%-]+\\)(?=$|[ ,.:;)])`,
  "gu",
);
