import type { QueueSection } from "#lines/task/queued-task.ts";
import { insertLines, type Draft } from "./draft.ts";
import type { Section } from "./find-sections.ts";
import type { Queue } from "./queue.ts";

const names = { building: "Building", queue: "Active Queue", completed: "Completed", details: "Task Details" };
const signs = { building: "🔨", queue: "📋", completed: "✅", details: "📝" };

/** The section where a task of a kind goes: the first that says so, or for the queue where its tasks already stand. */
export function sectionFor(queue: Queue, kind: QueueSection | "details"): number | null {
  const named = queue.sections.findIndex(
    (section) => section.meaning === kind && section.named && section.priority === null,
  );
  if (named !== -1) return named;
  const other = queue.sections.findIndex((section) => section.meaning === kind && section.named);
  if (other !== -1) return other;
  if (kind !== "queue") return null;
  const standing = queue.tasks.find(({ section }) => section === "queue");
  return standing === undefined ? null : queue.places.get(standing.key)!.section;
}

/**
 * Adds a section that is missing, in the form of the file's own headings, with some lines in it: Building above the queue,
 * Completed below it, the details at the end.
 */
export function addSection(queue: Queue, draft: Draft, kind: QueueSection | "details", lines: readonly string[]): void {
  const at = placeFor(queue, kind);
  const sample = sampleFor(queue, at);
  const heading = headingLike(queue, sample, kind);
  const before = at > 0 && draft.lines[at - 1]?.trim() !== "" ? [""] : [];
  const after = at < draft.lines.length && draft.lines[at]!.trim() !== "" ? [""] : [];
  insertLines(draft, at, [...before, ...heading, "", ...lines, ...after]);
}

function placeFor({ sections, text }: Queue, kind: QueueSection | "details"): number {
  const named = (meaning: string): Section[] =>
    sections.filter((section) => section.meaning === meaning && section.named);
  const end = text.lines.length;
  if (kind === "details") return end;
  const queues = named("queue");
  if (kind === "building" && queues.length > 0) return queues[0]!.heading!.line;
  if (kind === "completed" && queues.length > 0) return queues.at(-1)!.end;
  const below = [...named("details"), ...named("completed")].map((section) => section.heading!.line);
  const building = named("building");
  if (building.length > 0) return building.at(-1)!.end;
  // Without a section for the queue its tasks stand at the top, or below the title.
  const implied = sections.findLast(
    ({ meaning, blocks, heading }, index) =>
      meaning === "implied" && (index === 0 ? blocks.length > 0 : heading !== null),
  );
  return implied?.to ?? Math.min(end, ...below);
}

/** The heading that a new one is made like: of the queue's own, the nearest; else whichever comes next. */
function sampleFor({ sections }: Queue, at: number): Section | null {
  const own = sections.find(({ named, heading }) => named && heading !== null);
  const next = sections.find(({ heading }) => heading !== null && heading.line >= at);
  return own ?? next ?? null;
}

function headingLike(queue: Queue, sample: Section | null, kind: QueueSection | "details"): string[] {
  const line = sample === null ? "## " : queue.text.lines[sample.heading!.line]!;
  const text = sample?.heading?.text ?? "";
  let name = /\p{Lu}/u.test(text) && text === text.toUpperCase() ? names[kind].toUpperCase() : names[kind];
  if (/^\p{Extended_Pictographic}/u.test(text)) name = `${signs[kind]} ${name}`;
  const atx = /^(#{1,6})[ \t]/.exec(line);
  if (/^#{1,6}[ \t]+\*\*.*\*\*[ \t#]*$/.test(line)) name = `**${name}**`;
  if (atx !== null) return [`${atx[1]} ${name}${/[ \t]#+[ \t]*$/.test(line) ? ` ${atx[1]}` : ""}`];
  return [name, (sample?.heading?.level === 1 ? "=" : "-").repeat(name.length)];
}
