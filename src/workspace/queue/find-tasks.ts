import type { Criterion, Priority, QueueProblem, QueueSection } from "#lines/task/queued-task.ts";
import { plainText, type Block, type Item, type Table } from "./block.ts";
import type { Section } from "./find-sections.ts";
import type { TaskPlace } from "./queue.ts";
import { readDetails, type Details } from "./read-details.ts";
import { readTaskLine, type Field, type TaskLine } from "./read-line.ts";
import { fieldOf, nameWords, saysNothing, statusOf, type FieldName } from "./words.ts";

/** A task as found in the file, before its details and its key are. */
export type Found = {
  line: TaskLine;
  place: TaskPlace;
  section: QueueSection;
  ticked: boolean;
  cancelled: boolean;
  priority: Priority | null;
  details: Details;
  problems: QueueProblem[];
};

/** A task's details under a heading, or in a bullet, of their own. */
export type DetailBlock = { name: string; from: number; to: number; details: Details; used: boolean };

export type Gathered = { tasks: Found[]; blocks: DetailBlock[]; problems: QueueProblem[] };

/** Finds every task and every block of details in a document's sections, in the file's order. */
export function findTasks(sections: readonly Section[]): Gathered {
  const headings = new Set(
    sections.flatMap(({ heading, meaning }) =>
      heading !== null && (meaning === "details" || meaning === "unknown") ? [nameWords(heading.text)] : [],
    ),
  );
  const isName = (name: string): boolean => headings.has(nameWords(name));
  const hasQueue = sections.some(({ meaning, named }) => meaning === "queue" && named);
  const gathered: Gathered = { tasks: [], blocks: [], problems: [] };
  for (const [index, section] of sections.entries()) {
    if (section.meaning === "ignored" || section.meaning === "details") continue;
    if (section.meaning === "task") {
      if (section.parent !== null && sections[section.parent]!.meaning !== "task")
        takeHeading(sections, index, gathered);
      continue;
    }
    for (const block of section.blocks) {
      if (block.kind === "item") takeItem(block, section, index, hasQueue, isName, gathered);
      else if (block.kind === "table") takeTable(block, section, index, isName, gathered);
      else if (block.kind === "paragraph") noteLookalikes(plainText(block.inline), block.line, gathered.problems);
    }
  }
  findDetails(sections, gathered);
  gathered.tasks.sort((a, b) => a.place.from - b.place.from);
  return gathered;
}

const sectionFor = (meaning: Section["meaning"]): QueueSection =>
  meaning === "building" || meaning === "completed" ? meaning : "queue";

function takeItem(
  item: Item,
  section: Section,
  index: number,
  hasQueue: boolean,
  isName: (name: string) => boolean,
  { tasks, problems }: Gathered,
): void {
  const line = readTaskLine(item.inline, item.line, isName);
  const boxed = item.checked !== null || line.box !== null;
  noteLookalikes(plainText(item.inline), item.line, problems, 1);
  if (!/[^\s\p{P}]/u.test(line.name)) {
    if (boxed || item.inline.length > 0) problems.push({ line: item.line + 1, message: "the task has no name" });
    return;
  }
  if (
    !boxed &&
    (saysNothing(plainText(item.inline)) || /^(?:note|nb|n\.b\.|tip|hint|e\.g\.)[:\s]/i.test(plainText(item.inline)))
  )
    return;
  if (section.meaning === "unknown") {
    const known = line.fields.some(({ name }) => name === "priority" || name === "added" || name === "label");
    if (!boxed || !known) {
      if (boxed) {
        problems.push({
          line: item.line + 1,
          message: `“${short(line.name)}” stands below “${short(section.heading!.text)}”, which is no section of a queue: it is not read as a task. Put it below a heading such as “Active Queue”`,
        });
      }
      return;
    }
  }
  if (section.meaning === "implied" && !boxed && hasQueue) return;
  const cancelled = line.box === "cancelled";
  const found: Found = {
    line,
    place: { kind: "item", from: item.line, to: item.end, section: index, fieldLines: new Map() },
    section: sectionFor(section.meaning),
    ticked: item.checked === true || line.box === "ticked" || cancelled,
    cancelled,
    priority: section.priority,
    details: readDetails(item.children),
    problems: [],
  };
  tasks.push(found);
}

function takeTable(
  table: Table,
  section: Section,
  index: number,
  isName: (name: string) => boolean,
  { tasks }: Gathered,
): void {
  const columns = new Map<FieldName, number>();
  for (const [at, cell] of table.header.entries()) {
    const text = plainText(cell).trim();
    const name = text === "#" ? "id" : fieldOf(text);
    if (name !== null && !columns.has(name)) columns.set(name, at);
  }
  const nameAt = columns.get("name") ?? columns.get("description");
  if (nameAt === undefined) return;
  if (!columns.has("name")) {
    columns.set("name", nameAt);
    columns.delete("description");
  }
  const isKnown = columns.has("status") || columns.has("priority");
  if ((section.meaning === "unknown" || section.meaning === "implied") && !isKnown) return;
  for (const row of table.rows) {
    const line = readTaskLine(row.cells[nameAt] ?? [], row.line, isName);
    if (line.name === "" || saysNothing(line.name) || /^[-–—.…]+$/.test(line.name)) continue;
    const cell = (name: FieldName): string => plainText(row.cells[columns.get(name) ?? -1] ?? []).trim();
    const fields: Field[] = [];
    const criteria: Criterion[] = [];
    for (const [name] of columns) {
      const value = cell(name);
      if (name === "name" || name === "id" || name === "status" || value === "" || /^[-–—]+$/.test(value)) continue;
      if (name === "criteria") {
        for (const text of value.split(/;\s+/)) criteria.push({ text, checked: false, line: row.line + 1 });
      } else fields.push({ name, value, line: row.line });
    }
    const status = columns.has("status") ? statusOf(cell("status")) : null;
    const problems: QueueProblem[] = [];
    if (columns.has("status") && status === null && cell("status") !== "") {
      problems.push({ line: row.line + 1, message: `the status “${short(cell("status"))}” is not one that is known` });
    }
    if (status === "blocked") fields.push({ name: "blockers", value: whyBlocked(cell("status")), line: row.line });
    const marked = line.fields.some(({ name }) => name === "completed")
      ? "completed"
      : line.fields.some(({ name }) => name === "started")
        ? "building"
        : null;
    const own =
      status === "blocked" || status === "cancelled" ? null : (status ?? (columns.has("status") ? null : marked));
    const cancelled = status === "cancelled" || line.box === "cancelled";
    tasks.push({
      line: { ...line, id: line.id ?? (cell("id") || null), fields: [...line.fields, ...fields] },
      place: {
        kind: "row",
        from: row.line,
        to: row.line + 1,
        section: index,
        columns,
        header: table.line,
        fieldLines: new Map(),
      },
      section: own ?? sectionFor(section.meaning),
      ticked:
        cancelled || status === "completed" || line.box === "ticked" || (status === null && marked === "completed"),
      cancelled,
      priority: section.priority,
      details: { fields: [], criteria, prose: [] },
      problems,
    });
  }
}

/** A heading below a queue, with fields of its own: `### Spotify` and its bullets. */
function takeHeading(sections: readonly Section[], index: number, { tasks }: Gathered): void {
  const section = sections[index]!;
  const heading = section.heading!;
  const line = readTaskLine(
    [{ kind: "text", text: heading.text.replace(/^\d+[.)]\s+/, "") }],
    heading.line,
    () => false,
  );
  if (line.name === "") return;
  const details = readDetails(below(sections, index));
  const status = details.fields.find(({ name }) => name === "status");
  const says = status === undefined ? null : statusOf(status.value);
  if (says === "blocked")
    details.fields.push({ name: "blockers", value: whyBlocked(status!.value), line: status!.line });
  const own = says === "blocked" || says === "cancelled" ? null : says;
  const cancelled = says === "cancelled" || line.box === "cancelled";
  tasks.push({
    line,
    place: { kind: "heading", from: heading.line, to: section.end, section: index, fieldLines: new Map() },
    section: own ?? sectionFor(sections[section.parent!]!.meaning),
    ticked: cancelled || says === "completed" || line.box === "ticked",
    cancelled,
    priority: section.priority,
    details,
    problems: [],
  });
}

/** Everything below a heading, those below it among them. */
function below(sections: readonly Section[], index: number): Block[] {
  const { end, blocks } = sections[index]!;
  const found = [...blocks];
  for (let next = index + 1; next < sections.length && sections[next]!.heading!.line < end; next++) {
    found.push(sections[next]!.heading!, ...sections[next]!.blocks);
  }
  return found;
}

function findDetails(sections: readonly Section[], { tasks, blocks }: Gathered): void {
  const names = new Set(tasks.map(({ line }) => nameWords(line.name)));
  for (let index = 0; index < sections.length; index++) {
    const section = sections[index]!;
    const { heading, meaning } = section;
    if (heading === null) continue;
    const inDetails = meaning === "details" && !section.named;
    if (!inDetails && !(meaning === "unknown" && names.has(nameWords(heading.text)))) {
      if (meaning === "details") for (const block of section.blocks) takeDetailItem(block, blocks);
      continue;
    }
    const line = readTaskLine([{ kind: "text", text: heading.text }], heading.line, (name) =>
      names.has(nameWords(name)),
    );
    const name = names.has(nameWords(heading.text)) ? heading.text : line.name;
    const details = readDetails(below(sections, index));
    details.fields.unshift(...line.fields);
    if (line.description !== null) details.prose.unshift(line.description);
    blocks.push({ name: name || heading.text, from: heading.line, to: section.end, details, used: false });
    while (index + 1 < sections.length && sections[index + 1]!.heading!.line < section.end) index++;
  }
}

/** Directly below "Task Details": `- **Spotify**: …` with its own bullets. */
function takeDetailItem(block: Block, blocks: DetailBlock[]): void {
  if (block.kind !== "item" || block.children.length === 0) return;
  const line = readTaskLine(block.inline, block.line, () => false);
  if (line.name === "" || fieldOf(line.name) !== null) return;
  const details = readDetails(block.children);
  details.fields.unshift(...line.fields);
  if (line.description !== null) details.prose.unshift(line.description);
  blocks.push({ name: line.name, from: block.line, to: block.end, details, used: false });
}

/** "Blocked: Stripe keys" is held back by the keys; "blocked" alone by something that is not said. */
const whyBlocked = (status: string): string => status.replace(/^[^\p{L}]*blocked(?: by| on)?[\s:–—-]+(?=\S)/iu, "");

/** `-[ ] Name` and `[ ] Name` are paragraphs to Markdown, and were meant as tasks. */
function noteLookalikes(text: string, line: number, problems: QueueProblem[], from = 0): void {
  for (const [index, part] of text.split("\n").entries()) {
    if (index < from || !/^\s*(?:[-*+]|\d+[.)])?\[[ xX]?\]/.test(part)) continue;
    problems.push({
      line: line + index + 1,
      message: `“${short(part.trim())}” looks like a task but is no list item: write “- [ ] Name”`,
    });
  }
}

export const short = (text: string): string => {
  const line = text.replace(/[\s\p{Cc}]+/gu, " ").trim();
  return line.length <= 60 ? line : `${line.slice(0, 59).replace(/[\uD800-\uDBFF]$/, "")}…`;
};
