import type { QueueSection } from "#lines/task/queued-task.ts";
import { insertLines, removeLines, type Draft } from "./draft.ts";
import { addSection, sectionFor } from "./place-section.ts";
import type { Queue, TaskPlace } from "./queue.ts";

/**
 * Takes a task's lines, with what is indented below them, to another section: behind its last task, before its first, or as
 * its only one. `change` has the task's own line as it will be.
 */
export function moveItem(
  queue: Queue,
  draft: Draft,
  place: TaskPlace,
  { to, end, line }: { to: QueueSection; end: "first" | "last"; line: string },
): void {
  const lines = [line, ...queue.text.lines.slice(place.from + 1, place.to)];
  const section = sectionFor(queue, to);
  if (section === null) {
    addSection(queue, draft, to, fitted(lines, null));
    removeMoved(queue, draft, place, draft.lines.length - queue.text.lines.length, placeOfChange(queue, draft));
    return;
  }
  const neighbours = [...queue.places.values()].filter(
    (other) => other.section === section && other.kind === "item" && other.from !== place.from,
  );
  const beside = end === "first" ? neighbours[0] : neighbours.at(-1);
  const fit = fitted(lines, beside === undefined ? null : queue.text.lines[beside.from]!);
  const at = beside === undefined ? belowHeading(queue, section) : end === "first" ? beside.from : beside.to;
  insertBlock(draft, at, fit, beside === undefined);
  removeMoved(queue, draft, place, draft.lines.length - queue.text.lines.length, at);
}

/** Puts it before another item of its own section, or behind the last where there is none. */
export function moveBeside(queue: Queue, draft: Draft, place: TaskPlace, other: TaskPlace, before: boolean): void {
  const lines = fitted(queue.text.lines.slice(place.from, place.to), queue.text.lines[other.from]!);
  const at = before ? other.from : other.to;
  insertLines(draft, at, lines);
  removeMoved(queue, draft, place, lines.length, at);
}

/** New lines of a list at a place where none of it stands yet need blank lines around them, or they run together. */
export function insertBlock(draft: Draft, at: number, lines: readonly string[], alone: boolean): void {
  const above = draft.lines[at - 1];
  const below = draft.lines[at];
  const before = alone && above !== undefined && above.trim() !== "" ? [""] : [];
  const after =
    below !== undefined && below.trim() !== "" && !/^ {0,3}(?:[-*+]|\d{1,9}[.)])[ \t]/.test(below) ? [""] : [];
  insertLines(draft, at, [...before, ...lines, ...after]);
}

/** Below a section's heading, and the blank line that follows it. */
export function belowHeading(queue: Queue, index: number): number {
  const { heading } = queue.sections[index]!;
  const line = heading?.end ?? queue.sections[index]!.blocks[0]?.line ?? 0;
  return queue.text.lines[line]?.trim() === "" ? line + 1 : line;
}

function removeMoved(queue: Queue, draft: Draft, place: TaskPlace, added: number, at: number): void {
  const shift = at <= place.from ? added : 0;
  removeLines(draft, place.from + shift, place.to + shift);
}

function placeOfChange(queue: Queue, draft: Draft): number {
  const at = queue.text.lines.findIndex((line, index) => draft.lines[index] !== line);
  return at === -1 ? queue.text.lines.length : at;
}

/** With the indentation of its new neighbour, below which it would else become a part of that, and no number that counts elsewhere. */
function fitted(lines: readonly string[], neighbour: string | null): string[] {
  const own = /^ */.exec(lines[0]!)![0].length;
  const wanted = neighbour === null ? 0 : /^ */.exec(neighbour)![0].length;
  const moved = lines.map((line) => {
    if (own === wanted) return line;
    if (wanted > own) return line.trim() === "" ? line : " ".repeat(wanted - own) + line;
    return line.slice(Math.min(own - wanted, /^ */.exec(line)![0].length));
  });
  const isNumbered = /^ *\d{1,9}[.)][ \t]/;
  if (isNumbered.test(moved[0]!) && !(neighbour !== null && isNumbered.test(neighbour))) {
    moved[0] = moved[0]!.replace(/\d{1,9}[.)]/, neighbour === null ? "-" : (/[-*+]/.exec(neighbour)?.[0] ?? "-"));
  }
  return moved;
}
