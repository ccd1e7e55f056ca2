import type { QueueProblem } from "#lines/task/queued-task.ts";
import { messageOf } from "#system/failure.ts";
import type { Block } from "./block.ts";
import { readCertain } from "./read-certain.ts";
import { readMarkdown } from "./read-markdown.ts";

export type Outline = {
  blocks: Block[];
  problems: QueueProblem[];
  /** False where some of the text was given up: that something is not in the blocks then proves nothing. */
  whole: boolean;
};

/**
 * A Markdown document's blocks with their lines. Never throws, and takes time in proportion to the text: the parser by itself
 * needs the square of it, so it is given pieces, cut where a new block must begin whatever came before. A line that is too
 * long or too deep for that is read in part, and said.
 */
export function outlineOf(written: readonly string[]): Outline {
  const problems: QueueProblem[] = [];
  const lines = written.map((line, at) => bounded(line, at, problems));
  const blocks: Block[] = [];
  // What is only cut is still there.
  let whole = !problems.some(({ message }) => message.endsWith("is not read"));
  let from = frontMatterEnd(lines);
  const definitions = findDefinitions(lines, from);
  while (from < lines.length) {
    const to = pieceEnd(lines, from);
    const certain = readCertain(lines, from, to);
    if (certain !== null) {
      blocks.push(...certain);
      from = to;
      continue;
    }
    const piece = lines.slice(from, to);
    try {
      const read = readMarkdown(piece, from, usedDefinitions(piece, definitions));
      blocks.push(...read.blocks);
      from = to;
      if (read.open !== null) {
        const { line, closes, inclusive } = read.open;
        const close = lines.findIndex((below, at) => at > line && closes.test(below));
        if (close === -1 && inclusive) {
          whole = false;
          problems.push({
            line: line + 1,
            message: "what begins here (a code block or a comment) is never closed, so that nothing below it is read",
          });
        }
        from = close === -1 ? lines.length : close + (inclusive ? 1 : 0);
        blocks.push({ kind: "other", line, end: from });
      } else if (to < lines.length && !startsBlock(lines, to)) {
        whole = false;
        problems.push({
          line: to + 1,
          message: `one block is longer than what is read at once; the rest of it is not read`,
        });
        // Out of its block, what follows would read as something else: as tasks, where it was one task's details.
        from = nextBlock(lines, to);
        blocks.push({ kind: "other", line: to, end: from });
      }
    } catch (error) {
      whole = false;
      problems.push({ line: from + 1, message: `lines ${from + 1} to ${to} cannot be read: ${messageOf(error)}` });
      blocks.push({ kind: "other", line: from, end: to });
      from = to;
    }
  }
  return { blocks, problems, whole };
}

/** Names and details are far shorter; what is cut off still goes to the task's agent. */
const longestLine = 8000;
/** The parser's time grows with the square of the brackets in a block. */
const mostBrackets = 200;
const bracketsIn = (line: string): number => line.split("[").length - 1;
/** And with the square of the depth. */
const deepest = 60;

function bounded(line: string, at: number, problems: QueueProblem[]): string {
  if (line.length > longestLine) {
    problems.push({
      line: at + 1,
      message: `the line has ${line.length} characters; only its first ${longestLine} are read`,
    });
    return bounded(line.slice(0, longestLine).replace(/[\uD800-\uDBFF]$/, ""), at, problems);
  }
  if (line.length > mostBrackets && bracketsIn(line) > mostBrackets) {
    problems.push({ line: at + 1, message: `the line has more than ${mostBrackets} opening brackets and is not read` });
    return "";
  }
  const blank = /^\s*/.exec(line)![0].length;
  if (blank === line.length) return "";
  if (blank > deepest) return " ".repeat(deepest) + line.slice(blank);
  if (!mayNest.test(line)) return line;
  const prefix = /^(?:[\s>]|(?:[-*+]|\d{1,9}[.)])[ \t]+)*/.exec(line)![0];
  if (prefix.length <= deepest || /^ {0,3}[-*_]+(?: *[-*_])*$/.test(line.trimEnd())) return line;
  problems.push({ line: at + 1, message: `the line is nested more than ${deepest} columns deep and is not read` });
  return "";
}

const mayNest = /^[\s>\d.)*+-]{60}/;

function frontMatterEnd(lines: readonly string[]): number {
  if (lines[0]?.trimEnd() !== "---") return 0;
  const end = lines.findIndex((line, at) => at > 0 && /^(?:---|\.\.\.)\s*$/.test(line));
  // A rule at the top, and no front matter: that has keys.
  if (end === -1 || !lines.slice(1, end).some((line) => /^[\w"' -]+:/.test(line))) return 0;
  return lines.slice(1, end).some((line) => /^#{1,6} |^[-*+] \[[ xX]\] /.test(line)) ? 0 : end + 1;
}

/** So many lines keep the parser far from its square, and are enough to make its start pay. */
const usualLines = 40;
const mostLines = 2000;

function pieceEnd(lines: readonly string[], from: number): number {
  let brackets = 0;
  for (let at = from + 1; at < lines.length; at++) {
    if (lines[at]!.length > 40) brackets += bracketsIn(lines[at]!);
    if (brackets > 10 * mostBrackets && !startsBlock(lines, at)) return at;
    if (at - from >= usualLines && startsBlock(lines, at)) return at;
    if (at - from >= mostLines && !lines[at]!.startsWith("|")) return at;
  }
  return lines.length;
}

function nextBlock(lines: readonly string[], from: number): number {
  let at = from;
  while (at < lines.length && !startsBlock(lines, at)) at++;
  return at;
}

/** A heading or an item at the margin ends whatever stands above it, but for fences and HTML, which say so themselves. */
function startsBlock(lines: readonly string[], at: number): boolean {
  const line = lines[at]!;
  if (/^(?:#{1,6}(?:[ \t]|$)|[-*+] +[^\s*_+-])/.test(line)) return true;
  return ordered.test(line) && (lines[at - 1] === "" || ordered.test(lines[at - 1]!));
}

const ordered = /^\d{1,9}[.)] +\S/;

/** `[id]: address` lines, by id; few documents have more than some. */
function findDefinitions(lines: readonly string[], from: number): Map<string, string> {
  const found = new Map<string, string>();
  for (let at = from; at < lines.length && found.size < 200; at++) {
    const id = lines[at]!.startsWith("[") ? /^\[([^\]^[][^\][]{0,60})\]:[ \t]*\S+/.exec(lines[at]!)?.[1] : undefined;
    if (id !== undefined && !found.has(id)) found.set(id, lines[at]!);
  }
  return found;
}

function usedDefinitions(piece: readonly string[], definitions: Map<string, string>): string {
  if (definitions.size === 0) return "";
  const text = piece.join("\n");
  return [...definitions].flatMap(([id, line]) => (text.includes(`[${id}]`) ? [line] : [])).join("\n");
}
