import type { Criterion } from "#lines/task/queued-task.ts";
import { plainText, type Block, type Inline, type Item } from "./block.ts";
import type { Field } from "./read-line.ts";
import { fieldOf, type FieldName } from "./words.ts";

/** What stands about a task below its line or its heading. Lines of criteria are counted from one, those of fields from zero. */
export type Details = { fields: Field[]; criteria: Criterion[]; prose: string[] };

/** Reads labels with values in any form that people give them: bullets, lines, bold words, sub-headings, two-column tables. */
export function readDetails(blocks: readonly Block[]): Details {
  const details: Details = { fields: [], criteria: [], prose: [] };
  let under: FieldName | "unknown" | null = null;
  for (const block of blocks) {
    if (block.kind === "heading") under = fieldOf(block.text) ?? "unknown";
    else if (block.kind === "item") readItem(block, under, details);
    else if (block.kind === "table") readTable(block.rows, details);
    else if (block.kind === "paragraph") {
      for (const { inline, line } of linesOf(block.inline, block.line)) {
        const labelled = labelOfLine(inline);
        if (labelled === null) take(under, plainText(inline).trim(), line, details);
        else {
          if (labelled.value !== "") take(labelled.name, labelled.value, line, details);
          // A label alone on its line names what comes below it.
          under = labelled.value === "" ? labelled.name : under === "unknown" ? under : null;
        }
      }
    }
  }
  return details;
}

function readItem(item: Item, under: FieldName | "unknown" | null, details: Details): void {
  const labelled = item.checked === null ? labelOfLine(item.inline) : null;
  const text = plainText(item.inline).replace(/\s+/g, " ").trim();
  if (labelled !== null) {
    if (labelled.value !== "") take(labelled.name, labelled.value, item.line, details);
    for (const child of item.children) readChild(child, labelled.name, details);
    return;
  }
  if (under === "criteria" || (item.checked !== null && (under === null || under === "description"))) {
    if (text !== "") details.criteria.push({ text, checked: item.checked === true, line: item.line + 1 });
    for (const child of item.children) readChild(child, "criteria", details);
    return;
  }
  take(under, text, item.line, details);
  for (const child of item.children) readChild(child, under, details);
}

function readChild(child: Block, under: FieldName | "unknown" | null, details: Details): void {
  if (child.kind === "item") readItem(child, under, details);
  else if (child.kind === "paragraph")
    take(under, plainText(child.inline).replace(/\s+/g, " ").trim(), child.line, details);
}

function take(name: FieldName | "unknown" | null, value: string, line: number, details: Details): void {
  if (value === "" || name === "unknown") return;
  if (name === null) details.prose.push(value);
  else if (name === "criteria") {
    for (const text of value.split(/;\s+/)) {
      if (text.trim() !== "") details.criteria.push({ text: text.trim(), checked: false, line: line + 1 });
    }
  } else details.fields.push({ name, value, line });
}

function readTable(rows: readonly { line: number; cells: Inline[][] }[], details: Details): void {
  for (const { line, cells } of rows) {
    const name = fieldOf(plainText(cells[0] ?? []));
    const value = plainText(cells[1] ?? []).trim();
    if (name !== null && value !== "") take(name, value, line, details);
  }
}

/** `**Label:** value`, `**Label** — value`, `Label: value` where the label is one that we know. */
export function labelOfLine(inline: readonly Inline[]): { name: FieldName; value: string } | null {
  const text = plainText(inline).replace(/\s+/g, " ").trim();
  const colon =
    /^[^\p{L}\p{N}]{0,6}([\p{L}][\p{L}\p{N} ./&_-]{0,40}?(?:\s*\([^)]{0,30}\))?)\s*[:：=](?:\s+|$)(.*)$/su.exec(text);
  if (colon !== null) {
    const name = fieldOf(colon[1]!.replace(/\s*\([^)]*\)$/, "")) ?? fieldOf(colon[1]!);
    if (name !== null) return { name, value: colon[2]!.trim() };
  }
  const first = inline.find((part) => part.text.trim() !== "");
  if (first?.kind !== "strong") return null;
  const name = fieldOf(first.text);
  if (name === null) return null;
  const after = text.slice(first.text.trim().length);
  return after === "" || /^\s*[:–—=-]|^\s*$/.test(after) || first.text.trim().endsWith(":")
    ? { name, value: after.replace(/^[\s:–—=-]+/, "") }
    : null;
}

/** A paragraph's lines: each may have a label of its own. */
function linesOf(inline: readonly Inline[], line: number): { inline: Inline[]; line: number }[] {
  const found: { inline: Inline[]; line: number }[] = [{ inline: [], line }];
  for (const part of inline) {
    for (const [index, text] of part.text.split("\n").entries()) {
      if (index > 0) found.push({ inline: [], line: found.at(-1)!.line + 1 });
      if (text !== "") found.at(-1)!.inline.push({ ...part, text });
    }
  }
  return found;
}
