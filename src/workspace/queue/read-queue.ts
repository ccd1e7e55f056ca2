import type { Priority, QueueProblem } from "#lines/task/queued-task.ts";
import { findSections } from "./find-sections.ts";
import { findTasks, short, type DetailBlock, type Found } from "./find-tasks.ts";
import { labelOf } from "./label-of.ts";
import { outlineOf } from "./outline.ts";
import type { ListedTask, Queue, ReadOptions, TaskPlace } from "./queue.ts";
import { readDate, type DateContext } from "./read-date.ts";
import { readDuration } from "./read-duration.ts";
import type { Field } from "./read-line.ts";
import { splitText } from "./text-lines.ts";
import { nameWords, priorityOf, saysNothing, type FieldName } from "./words.ts";

/**
 * Reads a build queue as people write them. Never throws: what cannot be read is a problem with its line, on its task where it
 * belongs to one, and everything else is read all the same. `text` may keep its byte order mark.
 */
export function readQueue(
  text: string,
  { now = new Date(), zone = Intl.DateTimeFormat().resolvedOptions().timeZone }: ReadOptions = {},
): Queue {
  const split = splitText(text);
  const outline = outlineOf(split.lines);
  const sections = findSections(outline.blocks, split.lines.length);
  const { tasks: found, blocks, problems } = findTasks(sections);
  const matched = matchDetails(found, blocks);
  const keys = giveKeys(found);
  const context: DateContext = { now, zone };
  const places = new Map<string, TaskPlace>();
  const counts = { building: 0, queue: 0, completed: 0 };
  const tasks = found.map((one, index) => {
    const key = keys[index]!;
    const block = matched.get(one);
    const task = describe(one, block, key, split.lines, context);
    task.place = counts[task.section]++;
    places.set(key, {
      ...one.place,
      ...(block && { details: { from: block.from, to: block.to } }),
      fieldLines: fieldLines(one, block),
    });
    return task;
  });
  resolveWaits(found, tasks, matched);
  for (const block of blocks) {
    if (block.used) continue;
    problems.push({
      line: block.from + 1,
      message: `“${short(block.name)}” has details but no line in the queue: it is not started`,
    });
  }
  const all = [...outline.problems, ...problems].toSorted((a, b) => a.line - b.line);
  for (const task of tasks)
    task.problems.push(...outline.problems.filter(({ line }) => concerns(places.get(task.key)!, line)));
  return { tasks, problems: all, whole: outline.whole, text: split, sections, places };
}

const concerns = ({ from, to, details }: TaskPlace, line: number): boolean =>
  (line > from && line <= to) || (details !== undefined && line > details.from && line <= details.to);

/** By name, case and decoration aside; then by label; the first to the first where a name comes twice. */
function matchDetails(found: readonly Found[], blocks: readonly DetailBlock[]): Map<Found, DetailBlock> {
  const matched = new Map<Found, DetailBlock>();
  const waiting = new Map<string, DetailBlock[]>();
  const index = (key: string, block: DetailBlock): void => void waiting.set(key, [...(waiting.get(key) ?? []), block]);
  for (const block of blocks) for (const key of namesOf(block.name)) index(key, block);
  const take = (one: Found, key: string): boolean => {
    const block = waiting.get(key)?.find((candidate) => !candidate.used);
    if (block === undefined) return false;
    block.used = true;
    matched.set(one, block);
    return true;
  };
  for (const ways of [(one: Found) => [nameWords(one.line.name)], otherNames]) {
    for (const one of found) if (!matched.has(one)) ways(one).some((key) => take(one, key));
  }
  return matched;
}

const otherNames = ({ line }: Found): string[] => [
  ...namesOf(line.name),
  ...(line.description === null ? [] : [nameWords(`${line.name} ${line.description}`)]),
  ...(line.id === null ? [] : [nameWords(line.id)]),
];

/** How a name may be written elsewhere: whole, without what is in brackets, with an id in front, as a label. */
function namesOf(name: string): string[] {
  const without = nameWords(name.replace(/\s*\([^)]*\)/g, ""));
  const words = nameWords(name);
  const all = [
    words,
    without,
    words.replace(/^(?:task|build|the|a)\s+(?=\S)/, ""),
    words.replace(/^(?:[a-z]{1,6} ?)?\d+\s+(?=\S)/, ""),
    words.replace(/\s(?:task|details|spec)$/, ""),
  ];
  return [...new Set(all.filter((one) => one !== ""))];
}

/** The label that Steward wrote on a line stays its key; others take their name's, with a number where it is taken. */
function giveKeys(found: readonly Found[]): string[] {
  const keys: (string | null)[] = found.map(() => null);
  const taken = new Set<string>();
  for (const section of ["building", "completed", "queue"] as const) {
    for (const [index, one] of found.entries()) {
      const label = one.section === section ? labelIn(one.line.fields, taken) : null;
      if (label === null) continue;
      keys[index] = label;
      taken.add(label);
    }
  }
  const next = new Map<string, number>();
  return found.map((one, index) => {
    const given = keys[index];
    if (given !== null && given !== undefined) return given;
    const base = labelOf(one.line.name);
    let number = next.get(base) ?? 1;
    let key = base;
    while (taken.has(key)) key = `${base}-${++number}`;
    next.set(base, number);
    taken.add(key);
    return key;
  });
}

/** The first that Steward could have written, and that no other task has. */
const labelIn = (fields: readonly Field[], taken: ReadonlySet<string>): string | null =>
  fields.find(({ name, value }) => name === "label" && value === labelOf(value) && !taken.has(value))?.value ?? null;

function fieldLines(one: Found, block: DetailBlock | undefined): Map<FieldName, number> {
  const found = new Map<FieldName, number>();
  for (const { name, line } of [...one.details.fields, ...(block?.details.fields ?? [])]) {
    if (!found.has(name) && line !== one.place.from) found.set(name, line);
  }
  return found;
}

const longestName = 300;

function describe(
  one: Found,
  block: DetailBlock | undefined,
  key: string,
  lines: readonly string[],
  context: DateContext,
): ListedTask {
  const { line, place, details } = one;
  const fields = [...line.fields, ...details.fields, ...(block?.details.fields ?? [])];
  const problems: QueueProblem[] = [...one.problems];
  const read = <T>(name: FieldName, what: string, how: (value: string) => T | null): T | null => {
    for (const field of fields) {
      if (field.name !== name || field.value === "" || saysNothing(field.value)) continue;
      const value = how(field.value);
      if (value !== null) return value;
      problems.push({ line: field.line + 1, message: `${what} “${short(field.value)}” cannot be read` });
    }
    return null;
  };
  const list = (name: FieldName): string[] => [
    ...new Set(
      fields.flatMap((field) => (field.name === name && !saysNothing(field.value) ? splitList(field.value) : [])),
    ),
  ];
  const date = (value: string): Date | null => readDate(value, context);
  const priority: Priority | null = read("priority", "the priority", priorityOf);
  if (line.name.length > longestName) {
    problems.push({ line: place.from + 1, message: `the name has ${line.name.length} characters; it is cut` });
  }
  const prose = [...details.prose, ...(block?.details.prose ?? [])].join("\n");
  const described = [
    line.description,
    ...fields.filter(({ name }) => name === "description").map(({ value }) => value),
  ];
  const description = described.filter((part) => part !== null).join("\n") || prose || null;
  const cut = (from: number, to: number): string => lines.slice(from, to).join("\n").trimEnd();
  const text = [cut(place.from, place.to), ...(block === undefined ? [] : [cut(block.from, block.to)])].join("\n\n");
  return {
    key,
    name:
      line.name.length > longestName
        ? `${line.name.slice(0, longestName - 1).replace(/[\uD800-\uDBFF]$/, "")}…`
        : line.name,
    section: one.section,
    ticked: one.ticked,
    priority: priority ?? one.priority,
    addedAt: read("added", "the date", date),
    place: 0,
    line: place.from + 1,
    description,
    criteria: [...details.criteria, ...(block?.details.criteria ?? [])],
    tech: list("tech"),
    estimateMinutes: read("estimate", "the time", (value) => readDuration(value)),
    blockers: [],
    after: [],
    category: read("category", "the category", plain),
    model: read("model", "the model", plain),
    agent: read("agent", "the agent", (value) => plain(value)?.replace(/^@/, "") ?? null),
    paths: list("paths"),
    stallMinutes: read("stall", "the stall time", (value) => readDuration(value, { calendar: true })),
    text,
    problems,
    lineText: lines[place.from]!,
    id: line.id,
    startedAt: read("started", "the start", date),
    doneAt: one.section === "completed" || one.ticked ? read("completed", "the date", date) : null,
    durationMinutes:
      one.section === "completed"
        ? read("duration", "the duration", (value) => readDuration(value, { calendar: true }))
        : null,
    cancelled: one.cancelled,
  };
}

const plain = (value: string): string | null => value.trim() || null;

const splitList = (value: string): string[] =>
  value
    .split(/[,;\n]\s*|\s+\+\s+/)
    .map((part) => part.replace(/^and\s+/i, "").trim())
    .filter((part) => part !== "");

/** Says which tasks a task waits for, and what else holds it back: what names a task in the file is the former. */
function resolveWaits(
  found: readonly Found[],
  tasks: readonly ListedTask[],
  matched: ReadonlyMap<Found, DetailBlock>,
): void {
  const byName = new Map<string, string>();
  for (const task of tasks) {
    for (const name of [task.key, nameWords(task.name), ...(task.id === null ? [] : [nameWords(task.id)])]) {
      if (name !== "" && !byName.has(name)) byName.set(name, task.key);
    }
  }
  const find = (name: string): string | undefined =>
    byName.get(name.trim().replace(/^`|`$/g, "")) ??
    byName.get(nameWords(name)) ??
    byName.get(nameWords(name).replace(/^(?:task|the) | (?:task|build|is done|done|first|finished)$/g, ""));
  for (const [index, one] of found.entries()) {
    const task = tasks[index]!;
    const after = new Set<string>();
    const fields = [...one.line.fields, ...one.details.fields, ...(matched.get(one)?.details.fields ?? [])];
    for (const { name, value, line } of fields) {
      if (name !== "after" && name !== "blockers" && name !== "dependencies") continue;
      if (isCleared(value)) continue;
      const whole = find(value);
      const parts =
        whole === undefined
          ? value
              .split(/[,;\n]\s*|\s+(?:and|&|\+)\s+/)
              .map((part) => part.trim())
              .filter(Boolean)
          : [value];
      const known = parts.filter((part) => find(part) !== undefined && find(part) !== task.key);
      for (const part of known) after.add(find(part)!);
      const rest = known.length === 0 ? [value] : parts.filter((part) => !known.includes(part) && !isCleared(part));
      if (whole === task.key) task.problems.push({ line: line + 1, message: "the task is said to wait for itself" });
      else if (name === "blockers") task.blockers.push(...rest.filter((part) => find(part) === undefined));
      else if (name === "after") {
        for (const part of known.length === 0 ? parts : rest) {
          after.add(part);
          task.problems.push({
            line: line + 1,
            message: `it waits for “${short(part)}”, and no task here has that name`,
          });
        }
      }
      // "Dependencies: Spotipy" means a library as often as a task.
    }
    task.after = [...after];
    task.blockers = [...new Set(task.blockers)];
  }
}

const isCleared = (value: string): boolean =>
  saysNothing(value) ||
  /^(?:resolved|cleared|unblocked|solved|✅|☑|\[x\])|(?:\bresolved\)?|✅)\s*$/i.test(value.trim());
