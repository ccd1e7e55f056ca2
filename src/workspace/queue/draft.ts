import { Failure } from "#system/failure.ts";
import { short } from "./find-tasks.ts";
import type { ListedTask, Queue, ReadOptions, TaskPlace } from "./queue.ts";
import { readQueue } from "./read-queue.ts";
import { joinText, type TextLines } from "./text-lines.ts";

/** Names a task to change: by its key, and by its line as it was last read, so that nothing is changed that nobody saw. */
export type TaskRef = { key: string; lineText: string };

/** Fails with "conflict" where the task is not there any more, or its line reads otherwise now. */
export function findTask(queue: Queue, { key, lineText }: TaskRef): { task: ListedTask; place: TaskPlace } {
  const byKey = queue.tasks.find((task) => task.key === key);
  const same = queue.tasks.filter((task) => task.lineText === lineText);
  // A number behind a name that comes twice changes with its place.
  const task = byKey?.lineText === lineText ? byKey : byKey === undefined && same.length === 1 ? same[0] : undefined;
  if (task === undefined) {
    const what = byKey === undefined ? "is not in the queue any more" : `reads “${short(byKey.lineText)}” now`;
    throw new Failure("conflict", `The line of ${short(key)} ${what}. Nothing was written; read the queue again.`);
  }
  return { task, place: queue.places.get(task.key)! };
}

/** A copy of a queue's lines, to be changed. */
export type Draft = TextLines;

export const draftOf = ({ text }: Queue): Draft => ({ ...text, lines: [...text.lines], endings: [...text.endings] });

export function insertLines(draft: Draft, at: number, lines: readonly string[]): void {
  if (lines.length === 0) return;
  const endings = lines.map(() => draft.newline);
  if (at >= draft.lines.length && at > 0 && draft.endings[at - 1] === "") {
    // A file without a newline at its end stays without one.
    draft.endings[at - 1] = draft.newline;
    endings[endings.length - 1] = "";
  }
  draft.lines.splice(at, 0, ...lines);
  draft.endings.splice(at, 0, ...endings);
}

export function removeLines(draft: Draft, from: number, to: number): string[] {
  draft.endings.splice(from, to - from);
  return draft.lines.splice(from, to - from);
}

/**
 * The first of some ways to write a change that reads back as it was meant, with every other task as it was. So no change
 * that Markdown would take otherwise than it looks is ever written: where no way is left, it fails with "conflict".
 * `name` is the task that is changed, or (`isNew`) added.
 */
export function firstThatHolds(
  before: Queue,
  options: ReadOptions,
  { what, name, isNew = false }: { what: string; name: string; isNew?: boolean },
  ways: readonly (() => Draft | null)[],
  holds: (after: Queue) => boolean,
): string {
  const marked = `${name}\n`;
  for (const way of ways) {
    const draft = way();
    if (draft === null) continue;
    const text = joinText(draft);
    const after = readQueue(text, options);
    const { gone, come } = difference(before, after);
    const others = [...gone, ...come].some((one) => !one.startsWith(marked));
    const many = isNew ? gone.length === 0 && come.length === 1 : gone.length === come.length && gone.length <= 1;
    if (many && !others && holds(after)) return text;
  }
  throw new Failure(
    "conflict",
    `${what} cannot be written into the queue without changing how another line of it reads. Nothing was written; put the task's line in order by hand.`,
  );
}

/** Tasks of one queue that the other has not, each with its section and everything that stands in its own lines. */
function difference(before: Queue, after: Queue): { gone: string[]; come: string[] } {
  const counts = new Map<string, number>();
  for (const one of standings(before)) counts.set(one, (counts.get(one) ?? 0) + 1);
  for (const one of standings(after)) counts.set(one, (counts.get(one) ?? 0) - 1);
  const times = (sign: number): string[] =>
    [...counts].flatMap(([one, many]) => Array.from<string>({ length: Math.max(0, many * sign) }).fill(one));
  return { gone: times(1), come: times(-1) };
}

const standings = ({ tasks, places, text }: Queue): string[] =>
  tasks.map((task) => {
    const { from, to } = places.get(task.key)!;
    return `${task.name}\n${task.section}\n${task.ticked}\n${text.lines.slice(from, to).join("\n").trimEnd()}`;
  });
