import { allows, type AllowRule } from "./allow-rule.ts";
import { isFeature, isNegated, isRehearsal } from "./negation.ts";
import type { RiskFinding, RiskKind } from "./risk-kinds.ts";
import { riskRules } from "./risk-words.ts";
import type { StartTask } from "./start-task.ts";

export type Risk = {
  /** What needs an answer. */
  found: RiskFinding[];
  /** What an owner's rule has answered for good. */
  waived: (RiskFinding & { by: AllowRule })[];
};

type Told = Pick<StartTask, "name" | "text" | "description" | "criteria" | "tech">;

/** What a task would do that its owner is asked about first, by the words it is written in (English). */
export function findRisk(task: Told, allow: readonly AllowRule[] = []): Risk {
  const found = paragraphsOf(task).flatMap(inParagraph);
  const waived: Risk["waived"] = [];
  const open = unique(found).filter((finding) => {
    const by = allow.find((one) => allows(one, finding, task.name));
    if (by) waived.push({ ...finding, by });
    return !by;
  });
  return { found: open, waived };
}

/** Lines that belong together, as a sentence may go over several, and where in the text each of them begins. */
type Paragraph = { text: string; lines: { at: number; line: number }[] };

function inParagraph({ text, lines }: Paragraph): RiskFinding[] {
  return sentencesOf(text).flatMap(({ sentence, at }) => {
    const seen = riskRules.flatMap(({ kind, act, literal = false }) =>
      [...sentence.matchAll(act)].map((match) => {
        const words = match[0].trim();
        const [from, to] = [match.index, match.index + match[0].trimEnd().length];
        return { kind, words, from, to, open: isMeant({ kind, literal, words, before: sentence.slice(0, from), after: sentence.slice(to) }) }; // prettier-ignore
      }),
    );
    // "Do not deploy to production" answers for its "to production", too.
    const meant = seen.filter((one) => one.open && !seen.some((other) => !other.open && other.kind === one.kind && other.from <= one.from && one.to <= other.to)); // prettier-ignore
    const lineOf = (from: number) => lines.findLast((one) => one.at <= at + from)?.line ?? 0;
    return meant.map(({ kind, words, from }) => ({ kind, words, line: lineOf(from), sentence: short(sentence, from) }));
  });
}

type Deed = { kind: RiskKind; literal: boolean; words: string; before: string; after: string };

/** It is to be done, to something real, and not by those who will use what is built. */
function isMeant({ kind, literal, words, before, after }: Deed): boolean {
  if (isNegated(before, words, after)) return false;
  if (kind === "production") return !/\bhow (?:we |you |one )?(?:to )?$/i.test(before);
  if (literal) return true;
  return !isRehearsal(words, after) && (kind === "architecture" || !isFeature(before));
}

/** The text; and what its name, description or criteria say beyond it. */
function paragraphsOf({ name, text, description, criteria, tech }: Told): Paragraph[] {
  const written = outOfScope(text.split(/\r\n|\r|\n/));
  const said = plain(written.join("\n"));
  const beyond = [name, ...(description ?? "").split("\n"), ...criteria.map((one) => one.text), ...tech].map(plain).filter((one) => one.trim() !== "" && !said.includes(one)); // prettier-ignore
  const paragraphs: Paragraph[] = beyond.map((one) => ({ text: one, lines: [{ at: 0, line: 0 }] }));
  let open = false;
  for (const [index, one] of written.entries()) {
    const begins = /^\s*(?:$|[-*+•]\s|\d+[.)]\s|#|>|\||```|~~~|<!--|\*\*)/.test(one);
    const last = paragraphs.at(-1);
    if (open && !begins && last) {
      last.lines.push({ at: last.text.length + 1, line: index + 1 });
      last.text += ` ${plain(one).trim()}`;
    } else paragraphs.push({ text: plain(one), lines: [{ at: 0, line: index + 1 }] });
    // What stands in a fence, a table or a heading goes on in no other line.
    open = one.trim() !== "" && !/^\s*(?:#|```|~~~|\|)/.test(one);
  }
  return paragraphs;
}

/** A heading such as "Out of scope:" stands before each point under it. */
function outOfScope(lines: string[]): string[] {
  let under: number | null = null;
  return lines.map((line) => {
    const depth = /^\s*/.exec(line)![0].length;
    if (/^[\s>#*+-]*(?:out of scope|not in scope|non-goals?|not included|won'?t do|do not|don'?ts?)\**\s*:\**\s*$/i.test(line)) {
      under = depth + (/^\s*[-*+]\s/.test(line) ? 1 : 0);
      return line;
    }
    const point = /^\s*(?:[-*+•]|\d+[.)])\s+(?=\S)/.exec(line)?.[0];
    if (under !== null && line.trim() !== "" && (depth < under || point === undefined)) under = null;
    return under === null || point === undefined ? line : `${point}Out of scope: ${line.slice(point.length)}`;
  }); // prettier-ignore
}

/** Without what hides words from a reader of words: invisible letters, look-alike forms, emphasis, typographer's quotes. */
function plain(text: string): string {
  return text
    .normalize("NFKC")
    .replace(/[\u00AD\u200B-\u200F\u2028-\u202E\u2060-\u2064\uFEFF\0]/g, "")
    .replace(/[‘’ʼ]/g, "'")
    .replace(/[“”]/g, '"')
    .replace(/\*\*|__|`|~~/g, "")
    .replace(/[\t ]+/g, " ");
}

type Sentence = { sentence: string; at: number };

function sentencesOf(text: string): Sentence[] {
  const found: Sentence[] = [];
  let at = /^\s*(?:[-*+•]\s+|\d+[.)]\s+|#+\s+|>\s*)?(?:\[[ xX]\]\s+)?/.exec(text)![0].length;
  for (const { 0: stop, index } of text.matchAll(/(?<=[.;!?])\s+|(?<!\s)\s+[-–—]+>?\s+|\||$/g)) {
    if (index > at) found.push(...pieces({ sentence: text.slice(at, index), at }));
    at = Math.max(at, index + stop.length);
  }
  return found;
}

/** A line of a megabyte is read in pieces that overlap, so that no rule has to look far back. */
function pieces({ sentence, at }: Sentence): Sentence[] {
  if (sentence.length <= 4_000) return [{ sentence, at }];
  return Array.from({ length: Math.ceil(sentence.length / 3_600) }, (_, index) => ({ sentence: sentence.slice(index * 3_600, index * 3_600 + 4_000), at: at + index * 3_600 })); // prettier-ignore
}

/** One finding for words that are part of another of its kind in the same sentence, in the order of the lines. */
function unique(found: RiskFinding[]): RiskFinding[] {
  const together = Map.groupBy(found, ({ kind, line, sentence }) => `${kind} ${line} ${sentence}`);
  const kept = [...together.values()].flatMap((group) =>
    group.filter(({ words }, index) => !group.some((other, at) => other.words.includes(words) && (other.words.length > words.length || at < index))),
  ); // prettier-ignore
  return kept.toSorted((a, b) => a.line - b.line);
}

function short(sentence: string, at: number): string {
  const text = sentence.trim();
  return text.length <= 200 ? text : `…${sentence.slice(Math.max(0, at - 40), at + 150).trim()}…`;
}
