import { checkableBy, type CheckableBy } from "./checkable.ts";
import type { StartTask } from "./start-task.ts";
import { findVague, isPlaceholder } from "./vague-words.ts";

/** Something that a task leaves open. */
export type Missing = {
  about: "description" | "criteria" | "wording" | "detail";
  /** The very words that leave it open; null where there are none at all. */
  words: string | null;
  /** What to write, for the owner. */
  add: string;
  /** The line of the file, of a criterion. */
  line: number | null;
  /** It may not start like this. The others are only told. */
  blocks: boolean;
};

export type Requirements = {
  /** Nothing blocks: it can be built, and told when it is done. */
  clear: boolean;
  missing: Missing[];
  criteria: { text: string; line: number; by: CheckableBy | null }[];
};

type Described = Pick<StartTask, "name" | "description" | "criteria" | "tech" | "text">;

/** Whether it is clear what a task wants, and when it is done; what is not is named word by word, with what to add. */
export function readRequirements(task: Described): Requirements {
  const criteria = task.criteria.map(({ text, line }) => ({
    text,
    line,
    by: isPlaceholder(text) || findVague(text).some(({ open }) => open) ? null : checkableBy(text),
  }));
  const missing = [...inDescription(task), ...inCriteria(criteria), ...inDetails(task)];
  return { clear: !missing.some(({ blocks }) => blocks), missing, criteria };
}

/** The reasons why it may not start, in one sentence each. */
export function tellMissing({ about, words, add, line }: Missing): string {
  const where = line === null ? "" : `line ${line}: `;
  if (words === null) return `${where}${add}`;
  return about === "wording" || about === "detail" ? `${where}"${words}": ${add}` : `${where}"${words}" ${add}`;
}

function inDescription({ name, description }: Described): Missing[] {
  const one = (words: string | null, add: string, blocks = true): Missing => ({
    about: "description",
    words,
    add,
    line: null,
    blocks,
  });
  if (description === null || isPlaceholder(description))
    return [one(description?.trim() || null, "add a description: what to build, for whom, and with what result")];
  const vague = findVague(description);
  const wording = vague.map(({ words, add, open }): Missing => ({
    about: "wording",
    words,
    add,
    line: null,
    blocks: open,
  }));
  const said = wordsOf(vague.reduce((text, { words }) => text.replace(words, " "), description));
  // "Newsletter form: collects addresses" says enough together.
  if (said.size >= 3 || (said.size > 0 && said.union(wordsOf(name)).size >= 4)) return wording;
  const add = "says too little to build by: add what it does, for whom, and with what result";
  return [...wording, one(short(description), add)];
}

function inCriteria(criteria: Requirements["criteria"]): Missing[] {
  const one = (words: string | null, add: string, blocks: boolean, line: number | null): Missing => ({
    about: "criteria",
    words,
    add,
    line,
    blocks,
  });
  const how = "name a path, an address, a test, `check: <command>`, a number, or what can be seen when it is so";
  if (criteria.length === 0) return [one(null, `add completion criteria: ${how}`, true, null)];
  const found = criteria.flatMap(({ text, line, by }): Missing[] => {
    const wording = isPlaceholder(text) ? [{ words: text.trim(), add: "fill it in", open: true }] : findVague(text);
    const named = wording.map(({ words, add, open }): Missing => ({
      about: "wording",
      words,
      add,
      line,
      blocks: open,
    }));
    return by === null && !wording.some(({ open }) => open)
      ? [...named, one(short(text), `cannot be checked: ${how}`, false, line)]
      : named;
  });
  const none = criteria.every(({ by }) => by === null);
  return none ? [...found, one(null, `none of the completion criteria can be checked: ${how}`, true, null)] : found;
}

/** Fields that were left open, such as "Estimated Time: IDK": told, for nothing is built by them. */
function inDetails({ tech, text }: Described): Missing[] {
  const detail = (words: string, add: string): Missing => ({ about: "detail", words, add, line: null, blocks: false });
  const stack = tech
    .filter(isPlaceholder)
    .map((one) => detail(one, "name the tech, or leave it out: the builder then chooses it"));
  const fields = text.split("\n").flatMap((line) => {
    const [, label, value] =
      /^[\s>*+-]*\**((?:estimated?|time|effort|due|deadline|owner)[\w ]{0,20})\**\s*:\**\s*(\S.{0,200})$/i.exec(
        line.slice(0, 300),
      ) ?? [];
    return label !== undefined && value !== undefined && isPlaceholder(value)
      ? [detail(value.trim(), `fill in the ${label.trim().toLowerCase()}, or leave it out`)]
      : [];
  });
  return [...stack, ...fields];
}

/** The words of a text that say something, each once. */
function wordsOf(text: string): Set<string> {
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'’+#-]*/gu) ?? [];
  return new Set(words.filter((word) => word.length > 1 && !saysNothing.test(word)));
}

const saysNothing = /^(?:an|the|it|its|is|are|to|of|do|does|and|or|in|on|at|for|with|my|our|some|please|need|want|we|that|this|be|things?|stuff|task)$/; // prettier-ignore

function short(text: string): string {
  const line = text.trim().replace(/\s+/g, " ");
  return line.length > 120 ? `${line.slice(0, 119)}…` : line;
}
