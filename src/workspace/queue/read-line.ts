import type { Inline } from "./block.ts";
import { readDuration } from "./read-duration.ts";
import { fieldOf, lineFieldOf, plainWords, priorityOf, type FieldName } from "./words.ts";

export type Field = {
  name: FieldName;
  value: string;
  /** From zero. */
  line: number;
};

export type TaskLine = {
  name: string;
  id: string | null;
  description: string | null;
  fields: Field[];
  /** A box that only looks like one, a tick or a struck name; null where there is nothing of the kind. */
  box: "open" | "ticked" | "cancelled" | null;
};

/**
 * A task's line, such as `**Name** — what it is - Added: 2026-02-06 - Priority: High (Est: 4h)`: its name, what is known as
 * a field in any order, and what is left as its description. `isName` knows the names that stand elsewhere in the file, so
 * that "CRM - phase 2" with details of its own is one name.
 */
export function readTaskLine(inline: readonly Inline[], line: number, isName: (name: string) => boolean): TaskLine {
  const marks = takeMarks(visible(inline));
  const { masked, leading } = maskedOf(marks.parts);
  let real = marks.parts.map(({ text }) => text).join("");
  let mask = masked;
  const fields: Field[] = marks.fields.map((field) => ({ ...field, line }));
  const add = (name: FieldName, value: string): void => void fields.push({ name, value: value.trim(), line });

  for (const group of mask.matchAll(/[([{]([^()[\]{}]*)[)\]}]/g)) {
    const inner = real.slice(group.index + 1, group.index + 1 + group[1]!.length);
    const found = fieldsOfGroup(inner);
    if (found === null) continue;
    for (const [name, value] of found) add(name, value);
    const blank = "\n".repeat(group[0].length);
    mask = mask.slice(0, group.index) + blank + mask.slice(group.index + blank.length);
    real = real.slice(0, group.index) + blank + real.slice(group.index + blank.length);
  }

  const words: string[] = [];
  const spans: { from: number; to: number }[] = [];
  let valued = false;
  for (const [from, to] of segmentsOf(mask)) {
    const labels = labelsIn(mask.slice(from, to));
    const until = labels[0]?.at ?? to - from;
    const free = real
      .slice(from, from + until)
      .replace(/[\s,;.(–—-]+$/, "")
      .trim();
    const bare = words.length > 0 && free !== "" ? bareField(free) : null;
    if (bare !== null) add(...bare);
    else if (free !== "") {
      words.push(free);
      if (!valued) spans.push({ from, to: from + until });
    }
    for (const [index, label] of labels.entries()) {
      const end = labels[index + 1]?.at ?? to - from;
      add(label.name, real.slice(from + label.valueAt, from + end).replace(/[\s,;(–—|]+$/, ""));
    }
    valued ||= labels.length > 0 || bare !== null;
  }
  const named = nameOf(words, spans, real, leading, isName);
  return { ...named, name: oneLine(named.name), id: marks.id, fields, box: marks.box };
}

const oneLine = (text: string): string => text.replace(/[\s\p{Cc}]+/gu, " ").trim();

function nameOf(
  words: readonly string[],
  spans: readonly { from: number; to: number }[],
  real: string,
  leading: string | null,
  isName: (name: string) => boolean,
): { name: string; description: string | null } {
  const rest = (from: number): string[] => words.slice(from);
  for (let many = spans.length; many > 1; many--) {
    const whole = oneLine(real.slice(spans[0]!.from, spans[many - 1]!.to).replace(/[\s,;–—-]+$/, ""));
    if (isName(whole)) return { name: whole, description: joined(rest(many)) };
  }
  const first = words[0] ?? "";
  if (leading !== null && first.startsWith(leading.trim())) {
    const after = first.slice(leading.trim().length).replace(/^[\s:,–—-]+/, "");
    const name = leading.trim().replace(/\s*:$/, "");
    if (name !== "") return { name, description: joined([after, ...rest(1)]) };
  }
  if (isName(first)) return { name: first, description: joined(rest(1)) };
  const colon = /^([^:]{2,80}?):\s+(\S.*)$/s.exec(first);
  if (colon !== null && !isPrefix(colon[1]!) && /\p{L}/u.test(colon[1]!)) {
    return { name: colon[1]!, description: joined([colon[2]!, ...rest(1)]) };
  }
  return { name: first, description: joined(rest(1)) };
}

/** "fix: login fails" is a name with the kind of work before it, not a name with a description behind it. */
const isPrefix = (word: string): boolean =>
  /^(?:feat|fix|bug|bugfix|chore|docs?|refactor|tests?|ci|perf|style|task|todo|note|idea|feature|spike|epic|story|hotfix|build|new|re)(?:\([^)]*\))?!?$/i.test(
    word.trim(),
  );

const joined = (parts: readonly string[]): string | null =>
  parts
    .map(oneLine)
    .filter((part) => part !== "")
    .join(" — ") || null;

type Marks = Pick<TaskLine, "id" | "box"> & { parts: Inline[]; fields: { name: FieldName; value: string }[] };

/** What stands before a name: a box that GFM does not know, a tick, a coloured dot, an id, a priority in brackets. */
function takeMarks(inline: readonly Inline[]): Marks {
  const parts = inline.map((part) => ({ ...part }));
  const marks: Marks = { parts, id: null, box: null, fields: [] };
  const struck = parts.find(({ text }) => text.trim() !== "");
  if (struck?.kind === "struck") marks.box = "cancelled";
  for (let more = true; more && parts.length > 0;) {
    more = false;
    const first = parts[0]!;
    if (first.text.trim() === "") {
      parts.shift();
      more = true;
      continue;
    }
    if (first.kind !== "text") break;
    first.text = first.text.trimStart();
    for (const { pattern, take } of leadingMarks) {
      const match = pattern.exec(first.text);
      if (match === null || (match[0] === first.text && parts.length === 1)) continue;
      take(marks, match);
      first.text = first.text.slice(match[0].length);
      more = true;
      break;
    }
  }
  return marks;
}

const leadingMarks: { pattern: RegExp; take: (marks: Marks, match: RegExpExecArray) => void }[] = [
  {
    pattern: /^\[(| {2,}|[xX✓✔✅☑~/>!?-] ?| ?[xX]|done|wip)\]\s*/i,
    take: (marks, match) => {
      const sign = match[1]!.trim().toLowerCase();
      marks.box = sign === "-" ? "cancelled" : /^(?:[x✓✔✅☑]|done)$/.test(sign) ? "ticked" : "open";
    },
  },
  { pattern: /^(?:✅|☑|✔|✓)\uFE0F?\s*/u, take: (marks) => void (marks.box = "ticked") },
  { pattern: /^(?:❌|🚫)\uFE0F?\s*/u, take: (marks) => void (marks.box = "cancelled") },
  { pattern: /^(?:⬜|☐|🔲|⏳|⌛|🔨|🚧|📋|🆕|🔄|🏗)\uFE0F?\s*/u, take: (marks) => void (marks.box ??= "open") },
  {
    pattern: /^(?:🔴|🟠|🟡|🟢|🔵|🔥|🚨|⏫|🔼|🔽|🔺|⚪)\uFE0F?\s*/u,
    take: (marks, match) => void marks.fields.push({ name: "priority", value: match[0].trim() }),
  },
  {
    pattern:
      /^(?:[[(](?:priority:? )?(p[0-4]|high|medium|med|low|urgent|critical)(?: priority)?[\])]:?\s*|(p[0-4]|high|medium|low|urgent)(?: priority)?(?::|\s+[-–—|])\s+)/i,
    take: (marks, match) => void marks.fields.push({ name: "priority", value: match[1] ?? match[2]! }),
  },
  {
    pattern:
      /^(?:#(\d{1,7})[:.)]?\s+(?:[-–—]\s+)?|\[?((?:[A-Z]{1,3}|TASK|BUILD|ISSUE|ITEM)-?\d{1,6})(?:\][:.]?|[:.)])\s+)(?!$)/,
    take: (marks, match) => void (marks.id = match[1] ?? match[2]!),
  },
];

/** Images and comments leave nothing; the text of what is struck out stays. */
const visible = (inline: readonly Inline[]): Inline[] =>
  inline.map((part) => ({ ...part, text: part.text.replace(/[\r\n\t\0]/g, (mark) => (mark === "\n" ? "\n" : " ")) }));

/** The text with what must not be cut hidden: code, links, and a name that is bold, struck, linked or in code. */
function maskedOf(parts: readonly Inline[]): { masked: string; leading: string | null } {
  const first = parts[0];
  const after = parts[1]?.text ?? "";
  const isLabel = first !== undefined && (fieldOf(first.text) !== null || /^\s*:\s*$/.test(first.text));
  const standsAlone = parts.length === 1 || /^(?:\s*[:—–|·,(\n[]|\s+-|\s*$|:)/.test(after);
  const bold =
    first !== undefined && first.kind !== "text" && !(isLabel && /:\s*$/.test(first.text + after.slice(0, 1)));
  const leading = bold && (standsAlone || first.kind === "strong") ? first.text : null;
  const masked = parts
    .map((part, index) =>
      part.kind === "code" || part.kind === "link" || (index === 0 && leading !== null)
        ? "\uE000".repeat(part.text.length)
        : part.text,
    )
    .join("");
  return { masked, leading };
}

const separators = /\s+(?:-{1,3}|[–—|·•]|\/\/|->|→)(?=\s|$)\s*|\s*—\s*|\n+/g;

function segmentsOf(mask: string): [number, number][] {
  const found: [number, number][] = [];
  let from = 0;
  for (const separator of mask.matchAll(separators)) {
    found.push([from, separator.index]);
    from = separator.index + separator[0].length;
  }
  found.push([from, mask.length]);
  return found;
}

/** Up to four words before a colon; which of them are a label is looked up. */
const label = /((?:\p{L}{1,20}\.?[ /]{1,2}){0,3}\p{L}{1,20})\.?\s?[:=](?!\/\/)\s*/gu;

type Label = { at: number; valueAt: number; name: FieldName };

/** Labels that begin a segment, or follow a comma or a bracket, or the value of a label before. */
function labelsIn(segment: string): Label[] {
  const found: Label[] = [];
  if (!/[:=]/.test(segment)) return found;
  for (const match of segment.matchAll(label)) {
    const words = match[1]!;
    for (const start of words.matchAll(/(?<=^|[ /])\p{L}/gu)) {
      const name = lineFieldOf(words.slice(start.index));
      if (name === null) continue;
      const at = match.index + start.index;
      const before = segment.slice(0, at).trimEnd();
      if (before !== "" && !/[,;.([{–—-]$/.test(before) && found.length === 0) continue;
      found.push({ at, valueAt: match.index + match[0].length, name });
      break;
    }
  }
  return found;
}

/** What is in brackets, if all of it is fields: "(Priority: High, Est: 4h)", "[P1]", "(~4h, blocked by Login)". */
function fieldsOfGroup(inner: string): [FieldName, string][] | null {
  const found: [FieldName, string][] = [];
  for (const part of inner.split(/[;|]|,\s+(?!\d{4}\b)/)) {
    const text = part.trim();
    if (text === "") continue;
    const labels = labelsIn(text);
    if (labels[0]?.at === 0) {
      for (const [index, { name, valueAt }] of labels.entries()) {
        found.push([name, text.slice(valueAt, labels[index + 1]?.at).replace(/[\s,]+$/, "")]);
      }
      continue;
    }
    const bare = bareField(text);
    if (bare !== null) found.push(bare);
    else if (found.length > 0 && isList(found.at(-1)![0])) found.at(-1)![1] += `, ${text}`;
    else return null;
  }
  return found.length === 0 ? null : found;
}

const isList = (name: FieldName): boolean =>
  ["tech", "paths", "after", "blockers", "dependencies", "deliverables"].includes(name);

/** A field without a colon, where its words leave no doubt: "blocked by Login", "added 2026-02-06", "P1", "~4h". */
function bareField(text: string): [FieldName, string] | null {
  const verb =
    /^(added|created|started|completed|finished|shipped|done|est\.?|estimated?|took|priority|prio|blocked by|depends on|waiting on|waiting for|after|status|agent|model)\s+(?:on\s+)?(?=\S)(.+)$/is.exec(
      text,
    );
  if (verb !== null) {
    const name = fieldOf(verb[1]!);
    const value = verb[2]!;
    if (name === "blockers" || name === "after") return [name, value];
    if (name === "priority" && priorityOf(value) !== null && plainWords(value).length <= 12) return [name, value];
    if ((name === "estimate" || name === "duration") && readDuration(value) !== null) return [name, value];
    const dated =
      /^\S*\d/.test(value) || /^(?:today|yesterday|(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec))/i.test(value);
    if ((name === "added" || name === "started" || name === "completed") && dated) return [name, value];
  }
  const words = plainWords(text);
  if (/^(?:p[0-4]|high|medium|low|urgent|critical)(?: (?:priority|prio))?$/.test(words)) return ["priority", text];
  if (/^!{1,3}(?:high|medium|low)?$/i.test(text)) return ["priority", text.replace(/^!+(?=\w)/, "")];
  if (
    /^(?:~|≈|est)?\s*\d[\d.,:h\s–-]*\s*(?:min|m|h|d|w|hour|day|week|minute)?[a-z]*$/i.test(text) &&
    /[a-z]/i.test(text) &&
    readDuration(text) !== null
  ) {
    return ["estimate", text];
  }
  return null;
}
