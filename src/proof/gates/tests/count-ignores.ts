import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { IgnoreFacts } from "#proof/verdict.ts";
import type { Project } from "./project.ts";

/** Counts the comments in the source that keep lines out of coverage, and the lines that they hide. */
export async function countIgnores(project: Project): Promise<IgnoreFacts> {
  const facts: IgnoreFacts = { comments: 0, hiddenLines: 0, lines: 0 };
  for (const path of project.sourceFiles) {
    const lines = (await readFile(join(project.top, path), "utf8")).split("\n");
    const hidden = path.endsWith(".py") ? hiddenInPython(lines) : hiddenInScript(lines);
    facts.comments += hidden.comments;
    facts.hiddenLines += hidden.lines.size;
    facts.lines += lines.filter((line) => line.trim() !== "").length;
  }
  return facts;
}

type Hidden = { comments: number; lines: Set<number> };

// Any comment may carry them: /* c8 ignore next 3 */, // v8 ignore start, /* node:coverage disable */.
const scriptComment =
  /(?:\/\*|\/\/)\s*(?:(node:coverage)\s+(disable|enable|ignore next)|(istanbul|c8|v8)\s+ignore\s+(next|start|stop|file|if|else|line))\s*(\d*)/g;

function hiddenInScript(lines: string[]): Hidden {
  const hidden: Hidden = { comments: 0, lines: new Set() };
  const hide = (from: number, to: number) => {
    for (let at = from; at <= Math.min(to, lines.length - 1); at += 1) hidden.lines.add(at);
  };
  let openedAt: number | null = null;
  for (const [at, line] of lines.entries()) {
    for (const match of line.matchAll(scriptComment)) {
      const word = match[2] ?? match[4]!;
      const count = Number(match[5] ?? 0);
      if (word === "enable" || word === "stop") {
        if (openedAt !== null) hide(openedAt, at);
        openedAt = null;
        continue;
      }
      hidden.comments += 1;
      if (word === "disable" || word === "start") openedAt ??= at;
      else if (word === "file") hide(0, lines.length - 1);
      else if (word === "line") hide(at, at);
      else if (word === "ignore next" || count > 0) hide(at + 1, at + Math.max(1, count));
      else hide(at + 1, endOfBlock(lines, at + 1));
    }
  }
  if (openedAt !== null) hide(openedAt, lines.length - 1);
  return hidden;
}

/** The line that closes the braces which `from` opens; `from` itself if it opens none. */
function endOfBlock(lines: string[], from: number): number {
  let depth = 0;
  for (let at = from; at < lines.length; at += 1) {
    for (const character of lines[at]!) depth += character === "{" ? 1 : character === "}" ? -1 : 0;
    if (depth <= 0) return at;
  }
  return lines.length - 1;
}

const pragma = /#\s*pragma[:\s]?\s*no\s*cover/i;

/** On a line that opens a block (def, if, class), the pragma hides the block. */
function hiddenInPython(lines: string[]): Hidden {
  const hidden: Hidden = { comments: 0, lines: new Set() };
  for (const [at, line] of lines.entries()) {
    const found = pragma.exec(line);
    if (found === null) continue;
    hidden.comments += 1;
    hidden.lines.add(at);
    if (!line.slice(0, found.index).trimEnd().endsWith(":")) continue;
    const indent = indentOf(line);
    for (let below = at + 1; below < lines.length; below += 1) {
      if (lines[below]!.trim() === "") continue;
      if (indentOf(lines[below]!) <= indent) break;
      hidden.lines.add(below);
    }
  }
  return hidden;
}

function indentOf(line: string): number {
  return line.length - line.trimStart().length;
}
