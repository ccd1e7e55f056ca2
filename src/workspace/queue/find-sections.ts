import type { Priority } from "#lines/task/queued-task.ts";
import type { Block, Heading } from "./block.ts";
import { readDetails } from "./read-details.ts";
import { meaningOfHeading, plainWords, type SectionMeaning } from "./words.ts";

/** A heading and what stands directly below it, down to the next one. Lines from zero. */
export type Section = {
  heading: Heading | null;
  /** "implied": the file's beginning, or below its title: tasks may stand there without being announced. */
  meaning: SectionMeaning | "implied" | "unknown" | "task";
  /** Where its meaning comes from itself, and not from the heading above. */
  named: boolean;
  /** What its heading says that all its tasks have. */
  priority: Priority | null;
  blocks: Block[];
  /** The line after the last that belongs to it, sub-headings aside; and with them. */
  to: number;
  end: number;
  /** The section above it, as an index. */
  parent: number | null;
};

/**
 * Cuts a document at its headings and says what each part is. Words decide first, then the heading above; a heading below a
 * queue with fields of its own is itself a task.
 */
export function findSections(blocks: readonly Block[], lines: number): Section[] {
  const sections: Section[] = [sectionOf(null, null)];
  for (const block of blocks) {
    if (block.kind === "heading") sections.push(sectionOf(block, parentOf(sections, block.level)));
    else sections.at(-1)!.blocks.push(block);
  }
  const titles = sections.filter(({ heading }) => heading?.level === 1).length;
  const hasTitle = titles === 1 && sections.length > 2;
  const open: number[] = [];
  for (const [index, section] of sections.entries()) {
    section.to = sections[index + 1]?.heading?.line ?? lines;
    const level = section.heading?.level ?? 0;
    while (open.length > 0 && (sections[open.at(-1)!]!.heading?.level ?? 0) >= level) {
      sections[open.pop()!]!.end = section.heading!.line;
    }
    open.push(index);
    setMeaning(sections, index, hasTitle);
  }
  for (const index of open) sections[index]!.end = lines;
  return sections;
}

const sectionOf = (heading: Heading | null, parent: number | null): Section => ({
  heading,
  meaning: "implied",
  named: false,
  priority: null,
  blocks: [],
  to: 0,
  end: 0,
  parent,
});

function parentOf(sections: readonly Section[], level: number): number | null {
  for (let index: number | null = sections.length - 1; index !== null; index = sections[index]!.parent) {
    if ((sections[index]!.heading?.level ?? 0) < level) return index;
  }
  return 0;
}

const isList = (meaning: Section["meaning"]): boolean =>
  meaning === "queue" || meaning === "building" || meaning === "completed";

function setMeaning(sections: readonly Section[], index: number, hasTitle: boolean): void {
  const section = sections[index]!;
  const { heading } = section;
  if (heading === null) return;
  const above = section.parent === null ? null : sections[section.parent]!;
  const { meaning, priority } = meaningOfHeading(heading.text);
  section.priority = priority ?? above?.priority ?? null;
  const isTitle = index === 1 && heading.level === 1 && hasTitle;
  if (isTitle) {
    section.meaning = "implied";
    // "# Build Queue" speaks of the file and not of the list below it.
    return;
  }
  // Below a task of its own, and in its details, words such as "Requirements" speak of that task.
  const inTask = above !== null && (above.meaning === "task" || (above.meaning === "details" && !above.named));
  if (inTask || (above?.meaning === "details" && above.heading!.level < heading.level)) {
    section.meaning = above.meaning;
    return;
  }
  if (
    meaning !== null &&
    !(meaning === "details" && above !== null && isList(above.meaning) && plainWords(heading.text) === "requirements")
  ) {
    section.meaning = meaning;
    section.named = true;
    return;
  }
  if (above !== null && (isList(above.meaning) || above.meaning === "ignored")) {
    section.meaning = above.meaning;
    if (isList(above.meaning) && priority === null && hasFields(section)) section.meaning = "task";
    return;
  }
  section.meaning = priority === null ? "unknown" : "queue";
  section.named = priority !== null;
}

/** What stands below it speaks of one thing. */
function hasFields({ blocks }: Section): boolean {
  const boxed = blocks.filter(
    (block) => block.kind === "item" && block.checked !== null && readDetails([block]).fields.length > 0,
  );
  if (boxed.length > 0) return false;
  return readDetails(blocks).fields.some(({ name }) => tellsOfTask.has(name));
}

const tellsOfTask = new Set(["priority", "description", "status", "estimate", "added", "tech"]);
