import type { Priority, QueueSection } from "#lines/task/queued-task.ts";
import { Failure } from "#system/failure.ts";
import { draftOf, findTask, firstThatHolds, insertLines, type Draft, type TaskRef } from "./draft.ts";
import { labelOf } from "./label-of.ts";
import { linkTo, withBox, withCell, withMarks, type Mark } from "./line-marks.ts";
import { moveBeside, moveItem } from "./move-item.ts";
import type { ListedTask, Queue, ReadOptions, TaskPlace } from "./queue.ts";
import { writeDate } from "./read-date.ts";
import { writeDuration } from "./read-duration.ts";
import { readQueue } from "./read-queue.ts";
import { statusOf } from "./words.ts";

const zoneOf = (options: ReadOptions): string => options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;

/**
 * A queue with a task at work: its line moved to Building, with the time and the label by which it stays the same task. In a
 * table, or as a heading of its own, it is marked where it stands.
 */
export function startTask(
  text: string,
  ref: TaskRef,
  { at, label, ...options }: ReadOptions & { at: Date; label: string },
): string {
  const safe = labelOf(label);
  return settle(text, ref, options, {
    to: "building",
    end: "last",
    ticked: false,
    marks: {
      Started: writeDate(at, zoneOf(options)),
      Label: safe,
      Completed: null,
      Duration: null,
      Deliverables: null,
    },
    status: (date) => `Building since ${date}`,
    when: at,
  });
}

/** A queue with a task done: ticked, in Completed, with date, duration and links to what was made. */
export function finishTask(
  text: string,
  ref: TaskRef,
  {
    at,
    minutes,
    deliverables = [],
    ...options
  }: ReadOptions & { at: Date; minutes: number | null; deliverables?: readonly string[] },
): string {
  const queue = readQueue(text, options);
  const dated = queue.tasks.filter(({ section, doneAt }) => section === "completed" && doneAt !== null);
  const newestFirst = dated.length > 1 && dated[0]!.doneAt! > dated.at(-1)!.doneAt!;
  const links = deliverables.slice(0, 50).map(linkTo).join(", ");
  return settle(text, ref, options, {
    to: "completed",
    end: newestFirst ? "first" : "last",
    ticked: true,
    marks: {
      Started: null,
      Completed: writeDate(at, zoneOf(options)),
      Duration: minutes === null ? null : writeDuration(minutes),
      Deliverables: links === "" ? null : links,
    },
    status: (date) => `Done ${date}`,
    when: at,
  });
}

/** A queue with a task waiting again, first or last of those that wait; its label stays. */
export function returnToQueue(
  text: string,
  ref: TaskRef,
  { end = "first", ...options }: ReadOptions & { end?: "first" | "last" } = {},
): string {
  return settle(text, ref, options, {
    to: "queue",
    end,
    ticked: false,
    marks: { Started: null, Completed: null, Duration: null, Deliverables: null },
    status: () => "Queued",
    when: null,
  });
}

type Settling = {
  to: QueueSection;
  end: "first" | "last";
  ticked: boolean;
  marks: Partial<Record<Mark, string | null>>;
  status: (date: string) => string;
  when: Date | null;
};

function settle(text: string, ref: TaskRef, options: ReadOptions, how: Settling): string {
  const queue = readQueue(text, options);
  const { task, place } = findTask(queue, ref);
  const holds = (after: Queue): boolean =>
    after.tasks.some(
      ({ key, name, section, ticked }) =>
        name === task.name &&
        section === how.to &&
        (ticked === how.ticked || place.kind !== "item") &&
        isSame(key, task.key, how.marks),
    );
  const bare = Object.fromEntries(Object.keys(how.marks).map((name) => [name, null]));
  const ways = [how.marks, { ...how.marks, Deliverables: null }, bare].map((marks) => () => {
    const draft = draftOf(queue);
    if (place.kind === "row") return settleRow(queue, draft, place, how, marks, options);
    if (place.kind === "heading") return settleHeading(draft, place, how, marks, options);
    return settleItem(queue, draft, task, place, how, marks);
  });
  return firstThatHolds(
    queue,
    options,
    { what: `That ${task.name} is ${words[how.to]}`, name: task.name },
    ways,
    holds,
  );
}

const words = { building: "at work", completed: "done", queue: "waiting" };

/** Its key is its label from now on, and else the one that it had. */
const isSame = (key: string, before: string, marks: Settling["marks"]): boolean =>
  key === before || key === marks.Label || key.replace(/-\d+$/, "") === before.replace(/-\d+$/, "");

function settleItem(
  queue: Queue,
  draft: Draft,
  task: ListedTask,
  place: TaskPlace,
  how: Settling,
  marks: Settling["marks"],
): Draft | null {
  const boxed = withBox(task.lineText, how.ticked);
  if (boxed === null) return null;
  const line = withMarks(boxed, marks);
  if (task.section === how.to) draft.lines[place.from] = line;
  else moveItem(queue, draft, place, { to: how.to, end: how.end, line });
  return draft;
}

function settleRow(
  queue: Queue,
  draft: Draft,
  place: TaskPlace,
  how: Settling,
  marks: Settling["marks"],
  options: ReadOptions,
): Draft | null {
  const columns = place.columns!;
  const statusAt = columns.get("status");
  let row: string | null = draft.lines[place.from]!;
  const set = (column: number | undefined, change: (cell: string) => string): boolean => {
    if (column === undefined || row === null) return false;
    row = withCell(row, column, change);
    return true;
  };
  const date = how.when === null ? "" : writeDate(how.when, zoneOf(options));
  const left: Settling["marks"] = { ...marks };
  for (const [mark, field] of markFields) {
    if (!(mark in left)) continue;
    if (set(columns.get(field), () => left[mark] ?? "")) delete left[mark];
  }
  if (statusAt === undefined) set(columns.get("name"), (cell) => withMarks(cell, left));
  else {
    const same = queue.tasks.find(
      (other) => other.section === how.to && queue.places.get(other.key)!.header === place.header,
    );
    const word = same === undefined ? null : statusWord(queue, queue.places.get(same.key)!.from, statusAt, how.to);
    const more = [left.Duration, left.Deliverables].filter((part) => part !== null && part !== undefined);
    const status =
      how.when === null || columns.has("completed") ? how.status("").replace(/ since $| $/, "") : how.status(date);
    set(statusAt, () => [how.to === "queue" ? (word ?? status) : status, ...more].join(", "));
  }
  if (row === null) return null;
  draft.lines[place.from] = row;
  return draft;
}

const markFields = [
  ["Started", "started"],
  ["Label", "label"],
  ["Completed", "completed"],
  ["Duration", "duration"],
  ["Deliverables", "deliverables"],
] as const;

/** The word that the table itself uses for a status, if it is a plain one. */
function statusWord(queue: Queue, line: number, column: number, to: QueueSection): string | null {
  let word = "";
  withCell(queue.text.lines[line]!, column, (cell) => (word = cell));
  return statusOf(word) === to && word.length <= 30 ? word : null;
}

function settleHeading(
  draft: Draft,
  place: TaskPlace,
  how: Settling,
  marks: Settling["marks"],
  options: ReadOptions,
): Draft {
  const date = how.when === null ? "" : writeDate(how.when, zoneOf(options));
  const bullets: string[] = [];
  const at = place.fieldLines.get("status");
  const status = how.when === null ? how.status("") : how.status(date);
  const value =
    how.to === "completed" ? [status, marks.Duration, marks.Deliverables].filter(Boolean).join(", ") : status;
  if (at === undefined) bullets.push(`- **Status:** ${value}`);
  else draft.lines[at] = withValue(draft.lines[at]!, value);
  if (bullets.length > 0) {
    const below =
      draft.lines[place.from + 1]?.trim() === "" && draft.lines[place.from + 2] !== undefined
        ? place.from + 2
        : place.from + 1;
    const next = draft.lines[below];
    insertLines(
      draft,
      below,
      next !== undefined && next.trim() !== "" && !/^ {0,3}[-*+] /.test(next) ? [...bullets, ""] : bullets,
    );
  }
  return draft;
}

/** `- **Status:** waiting` with another value, its label and what stands around it as they are. */
export function withValue(line: string, value: string): string {
  const table = /^[ \t]*\|/.test(line);
  if (table) return withCell(line, 1, () => value) ?? line;
  return line.replace(
    /^([^:=]{0,60}[:=]\**[ \t]*)(.*?)([ \t]*)$/,
    (_whole, label: string, _old: string, blanks: string) =>
      `${label}${/[ \t]$/.test(label) ? "" : " "}${value}${blanks}`,
  );
}

/** A queue with a task's priority changed where it is written, or else added to its line. */
export function setPriority(text: string, ref: TaskRef, priority: Priority, options: ReadOptions = {}): string {
  const queue = readQueue(text, options);
  const { task, place } = findTask(queue, ref);
  if (task.priority === priority) return text;
  const word = `${priority[0]!.toUpperCase()}${priority.slice(1)}`;
  const own = (change: (line: string) => string | null) => (): Draft | null => {
    const draft = draftOf(queue);
    const line = change(draft.lines[place.from]!);
    if (line === null) return null;
    draft.lines[place.from] = line;
    return draft;
  };
  const column = place.columns?.get("priority");
  const elsewhere = place.fieldLines.get("priority");
  const ways = [
    own((line) => (column === undefined ? null : withCell(line, column, () => word))),
    own((line) =>
      replaced(line, /((?:priority|prio|pri)(?:\*\*)?\s?[:=](?:\*\*)?\s*)(?:[^\s,;|)\]—–·]+)/i, `$1${word}`),
    ),
    own((line) =>
      replaced(line, /([[(])(?:p[0-4]|high|medium|med|low|urgent|critical)(?=(?: priority)?[\])])/i, `$1${word}`),
    ),
    own((line) => replaced(line, /(?<=[\s([])(?:p[0-4]|high|medium|low|urgent)(?=\s*:|\s+[-–—|]|[)\],]|\s*$)/i, word)),
    own((line) =>
      replaced(line, /🔴|🟠|🟡|🟢|🔵|🔥|🚨|⏫|🔼|🔽|🔺|⚪/u, { high: "🔴", medium: "🟡", low: "🟢" }[priority]),
    ),
    (): Draft | null => {
      if (elsewhere === undefined) return null;
      const draft = draftOf(queue);
      draft.lines[elsewhere] = withValue(draft.lines[elsewhere]!, word);
      return draft;
    },
    own((line) => (place.kind === "item" ? `${line.trimEnd()} - Priority: ${word}${/[ \t]*$/.exec(line)![0]}` : null)),
    own((line) =>
      place.kind === "row"
        ? withCell(line, place.columns!.get("name")!, (cell) => `${cell} - Priority: ${word}`)
        : null,
    ),
    (): Draft | null => {
      if (place.kind !== "heading") return null;
      const draft = draftOf(queue);
      insertLines(draft, place.from + 1, [`- **Priority:** ${word}`]);
      return draft;
    },
  ];
  const holds = (after: Queue): boolean =>
    after.tasks.some(
      (one) =>
        one.key === task.key && one.name === task.name && one.priority === priority && one.section === task.section,
    );
  return firstThatHolds(queue, options, { what: `The priority of ${task.name}`, name: task.name }, ways, holds);
}

const replaced = (line: string, pattern: RegExp, by: string): string | null =>
  pattern.test(line) ? line.replace(pattern, by) : null;

/** A queue with a task at another place among those of its section, counted from zero. */
export function moveTask(text: string, ref: TaskRef, to: number, options: ReadOptions = {}): string {
  const queue = readQueue(text, options);
  const { task, place } = findTask(queue, ref);
  const others = queue.tasks.filter(({ section, key }) => section === task.section && key !== task.key);
  const wanted = Math.max(0, Math.min(to, others.length));
  if (wanted === task.place) return text;
  const next = others[wanted];
  const other = queue.places.get((next ?? others.at(-1)!).key)!;
  if (
    other.kind !== place.kind ||
    (place.kind === "row" && other.header !== place.header) ||
    place.kind === "heading"
  ) {
    throw new Failure(
      "invalid",
      `${task.name} cannot be moved there: it does not stand in the same list or table as its new neighbour. Move it by hand.`,
    );
  }
  const way = (): Draft => {
    const draft = draftOf(queue);
    moveBeside(queue, draft, place, other, next !== undefined);
    return draft;
  };
  const holds = (after: Queue): boolean =>
    after.tasks.some(({ name, section, place: at }) => name === task.name && section === task.section && at === wanted);
  return firstThatHolds(queue, options, { what: `The new place of ${task.name}`, name: task.name }, [way], holds);
}

/** A queue with one of a task's completion criteria ticked, or not: the one in `line`, which must still say `text`. */
export function tickCriterion(
  text: string,
  ref: TaskRef,
  criterion: { text: string; line: number },
  checked = true,
  options: ReadOptions = {},
): string {
  const queue = readQueue(text, options);
  const { task } = findTask(queue, ref);
  const same = task.criteria.filter((one) => one.text === criterion.text);
  const found = same.find(({ line }) => line === criterion.line) ?? (same.length === 1 ? same[0] : undefined);
  if (found === undefined) {
    throw new Failure(
      "conflict",
      `“${criterion.text.slice(0, 80)}” is not among the criteria of ${task.name} any more. Nothing was written.`,
    );
  }
  if (found.checked === checked) return text;
  const way = (): Draft | null => {
    const draft = draftOf(queue);
    const line = withBox(draft.lines[found.line - 1]!, checked);
    if (line === null) return null;
    draft.lines[found.line - 1] = line;
    return draft;
  };
  const holds = (after: Queue): boolean =>
    after.tasks.some(
      ({ key, criteria }) =>
        key === task.key &&
        criteria.some((one) => one.line === found.line && one.text === found.text && one.checked === checked),
    );
  const what = `The tick of “${criterion.text.slice(0, 80)}”`;
  return firstThatHolds(queue, options, { what, name: task.name }, [way], holds);
}
