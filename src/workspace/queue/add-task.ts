import type { Priority } from "#lines/task/queued-task.ts";
import { Failure } from "#system/failure.ts";
import { draftOf, firstThatHolds, insertLines, type Draft } from "./draft.ts";
import { withCell } from "./line-marks.ts";
import { belowHeading, insertBlock } from "./move-item.ts";
import { addSection, sectionFor } from "./place-section.ts";
import type { Queue, ReadOptions, TaskPlace } from "./queue.ts";
import { writeDate } from "./read-date.ts";
import { writeDuration } from "./read-duration.ts";
import { readQueue } from "./read-queue.ts";

export type NewTask = {
  name: string;
  priority?: Priority | null;
  description?: string | null;
  criteria?: readonly string[];
  tech?: readonly string[];
  estimateMinutes?: number | null;
  after?: readonly string[];
  blockers?: readonly string[];
  model?: string | null;
  agent?: string | null;
  paths?: readonly string[];
};

/**
 * A queue with one more task, last of those that wait, in the file's own style: its line, or its row of a table, and its block
 * of details. A name that Markdown would read otherwise is written so that it reads back as it is. Fails with "invalid" where
 * there is no name, or one that no line can hold.
 */
export function addTask(text: string, task: NewTask, { at, ...options }: ReadOptions & { at: Date }): string {
  const name = oneLine(task.name);
  if (name === "" || name.length > longestName) {
    throw new Failure(
      "invalid",
      `A task needs a name of 1 to ${longestName} characters in one line; this one has ${name.length}.`,
    );
  }
  const queue = readQueue(text, options);
  const zone = options.zone ?? Intl.DateTimeFormat().resolvedOptions().timeZone;
  const priority = task.priority ?? null;
  const names = [
    name,
    escaped(name),
    `**${escaped(name)}**`,
    `**${escaped(name, /[^\p{L}\p{N}\s]/gu)}**`,
    `\`${name.replaceAll("`", "'")}\``,
  ];
  const ways = names.flatMap((written) =>
    [true, false].map((withDetails) => (): Draft | null => {
      if (!withDetails && hasDetails(task)) return null;
      const draft = draftOf(queue);
      const details = detailsOf(queue, written.replace(/^\*\*(.*)\*\*$/, "$1"), task);
      if (hasDetails(task)) {
        const section = sectionFor(queue, "details");
        const end = section === null ? 0 : queue.sections[section]!.end;
        if (section === null) addSection(queue, draft, "details", details);
        else
          insertLines(draft, end, [
            ...(draft.lines[end - 1]?.trim() === "" ? [] : [""]),
            ...details,
            ...(end < draft.lines.length ? [""] : []),
          ]);
      }
      addLine(queue, draft, written, { added: writeDate(at, zone), priority });
      return draft;
    }),
  );
  const holds = (after: Queue): boolean => {
    const known = new Map<string, number>();
    for (const one of queue.tasks) known.set(one.name, (known.get(one.name) ?? 0) + 1);
    const same = after.tasks.filter((one) => one.name === name);
    const added = same.findLast(({ section }) => section === "queue");
    return (
      same.length === (known.get(name) ?? 0) + 1 &&
      added !== undefined &&
      !added.ticked &&
      (priority === null || added.priority === priority) &&
      added.criteria.length >= (same.length > 1 ? 0 : (task.criteria?.filter((one) => oneLine(one) !== "").length ?? 0))
    );
  };
  return firstThatHolds(queue, options, { what: `The task ${name}`, name, isNew: true }, ways, holds);
}

const longestName = 200;

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}\p{Cs}\u2028\u2029]+/gu, " ").trim();

const escaped = (text: string, signs = /[\\`*_[\]<>#|~&!$]/g): string =>
  text.replace(signs, (sign) => (/[!-/:-@[-`{-~]/.test(sign) ? `\\${sign}` : sign));

const hasDetails = ({ name: _name, priority: _priority, ...details }: NewTask): boolean =>
  Object.values(details).some((value) =>
    Array.isArray(value) ? value.length > 0 : value !== null && value !== undefined,
  );

function addLine(
  queue: Queue,
  draft: Draft,
  name: string,
  { added, priority }: { added: string; priority: Priority | null },
): void {
  const waiting = queue.tasks.filter(
    ({ section, priority: other }) => section === "queue" && (other === priority || !isGrouped(queue)),
  );
  const last = (waiting.length > 0 ? waiting : queue.tasks.filter(({ section }) => section === "queue"))
    .map(({ key }) => queue.places.get(key)!)
    .findLast(({ kind, section }) => kind !== "heading" && isListed(queue, section));
  const word = priority === null ? null : `${priority[0]!.toUpperCase()}${priority.slice(1)}`;
  if (last?.kind === "row") {
    insertLines(draft, last.to, [rowLike(queue, last, name, added, word)]);
    return;
  }
  const sample = last === undefined ? null : queue.text.lines[last.from]!;
  const line = lineLike(sample, name, added, word);
  const section = last?.section ?? sectionFor(queue, "queue");
  if (last !== undefined) insertBlock(draft, last.to, [line], false);
  else if (section === null) addSection(queue, draft, "queue", [line]);
  else insertBlock(draft, belowHeading(queue, section), [line], true);
}

/** Headings such as "High priority" part the queue. */
const isGrouped = (queue: Queue): boolean => queue.sections.some(({ priority }) => priority !== null);

const isListed = (queue: Queue, section: number): boolean => {
  const { meaning } = queue.sections[section]!;
  return meaning === "queue" || meaning === "implied" || meaning === "unknown";
};

function lineLike(sample: string | null, name: string, added: string, word: string | null): string {
  const list = /^( {0,3})([-*+]|(\d{1,8})([.)]))[ \t]+(\[.\][ \t]+)?(\*\*)?/.exec(sample ?? "- [ ] ");
  const marker = list?.[3] === undefined ? (list?.[2] ?? "-") : `${Number(list[3]) + 1}${list[4]}`;
  const box = list === null || list[5] !== undefined ? "[ ] " : "";
  const bold = list?.[6] !== undefined && !name.startsWith("**") && !name.startsWith("`") ? `**${name}**` : name;
  const separator = / ([—–|·]) (?:\*\*)?(?:Added|Created|Priority|Prio)\b/i.exec(sample ?? "")?.[1] ?? "-";
  const fields = [`Added: ${added}`, ...(word === null ? [] : [`Priority: ${word}`])];
  return `${list?.[1] ?? ""}${marker} ${box}${[bold, ...fields].join(` ${separator} `)}`;
}

function rowLike(queue: Queue, place: TaskPlace, name: string, added: string, word: string | null): string {
  let row = queue.text.lines[place.from]!;
  const columns = [...place.columns!];
  const bars = row.match(/(?<!\\)\|/g)?.length ?? 0;
  for (let column = 0; column <= bars; column++) {
    const field = columns.find(([, at]) => at === column)?.[0];
    row =
      withCell(row, column, () =>
        field === "name"
          ? name
          : field === "added"
            ? added
            : field === "priority"
              ? (word ?? "")
              : field === "status"
                ? "Queued"
                : "",
      ) ?? row;
  }
  if (!place.columns!.has("priority") && word !== null)
    row = withCell(row, place.columns!.get("name")!, (cell) => `${cell} - Priority: ${word}`) ?? row;
  return row;
}

function detailsOf(queue: Queue, name: string, task: NewTask): string[] {
  const known = queue.tasks.map(({ key }) => queue.places.get(key)!.details).find((details) => details !== undefined);
  const heading = known === undefined ? undefined : /^(#{2,6})[ \t]/.exec(queue.text.lines[known.from]!)?.[1];
  const section = sectionFor(queue, "details");
  const level = heading?.length ?? (section === null ? 3 : Math.min(6, queue.sections[section]!.heading!.level + 1));
  const safe = (text: string): string =>
    oneLine(text)
      .slice(0, 4000)
      .replace(/<(?=[!?/a-z])/gi, "\\<");
  const field = (label: string, value: string | null): string[] =>
    value === null || value === "" ? [] : [`- **${label}:** ${value}`];
  const list = (values: readonly string[] | undefined): string | null =>
    values?.map(safe).filter(Boolean).join(", ") ?? null;
  const criteria = (task.criteria ?? []).map(safe).filter(Boolean);
  return [
    `${"#".repeat(level)} ${name}`,
    ...field(
      "Description",
      task.description === null || task.description === undefined ? null : indented(task.description),
    ),
    ...(criteria.length === 0 ? [] : ["- **Completion Criteria:**", ...criteria.map((text) => `  - [ ] ${text}`)]),
    ...field("Tech Stack", list(task.tech)),
    ...field(
      "Estimated Time",
      task.estimateMinutes === null || task.estimateMinutes === undefined ? null : writeDuration(task.estimateMinutes),
    ),
    ...field("Depends on", list(task.after)),
    ...field("Blocked by", list(task.blockers)),
    ...field("Model", task.model === null || task.model === undefined ? null : safe(task.model)),
    ...field("Agent", task.agent === null || task.agent === undefined ? null : safe(task.agent)),
    ...field("Paths", list(task.paths)),
  ].flatMap((lines) => lines.split("\n"));
}

/** Lines of a description stay below their bullet, where no heading, fence or box of theirs reaches the queue. */
const indented = (text: string): string =>
  text
    .slice(0, 100_000)
    .split(/\r\n|\n|\r/)
    .map((line) => line.replace(/[\p{Cc}\p{Cs}]+/gu, " ").trim())
    .map((line, index) =>
      index === 0 || line === "" ? line : `  ${line.replace(/^(?=[#>`~<|]|[-*+=]|\d+[.)])/, "\\")}`,
    )
    .join("\n")
    .replace(/<(?=[!?/a-z])/gi, "\\<");
