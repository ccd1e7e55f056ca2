import { readFrontMatter } from "./front-matter.ts";
import { substanceOf } from "./placeholder.ts";
import { meaningOf, sectionNames, type SectionName } from "./section-names.ts";

export type SpecSection = {
  heading: string;
  /** The required section that it stands for, if any; `names` has both where a heading names two. */
  name: SectionName | null;
  names: readonly SectionName[];
  /** Called just as the required section is, and not by a synonym. */
  official: boolean;
  level: number;
  /** 1-based, of the heading. */
  line: number;
  /** Everything below the heading down to the next one of its own level or above. */
  readonly body: string;
};

export type Spec = {
  title: string | null;
  frontMatter: { values: Record<string, unknown>; problem: string | null };
  sections: SpecSection[];
  missing: SectionName[];
  empty: SectionName[];
  port?: number;
  complete: boolean;
  /** One for each thing that keeps the spec from being complete, in words that its writer can act on. */
  reasons: string[];
};

/**
 * Reads a spec and judges whether it is complete: every required section there, and not just a placeholder.
 * A scanner over lines and not a Markdown parser, because a scan reads ten thousand of these in a second. Never throws.
 */
export function readSpec(text: string, { file = "SPEC.md" }: { file?: string } = {}): Spec {
  const whole = text.startsWith("\uFEFF") ? text.slice(1) : text;
  const lines = whole.includes("\r") ? whole.split(/\r\n|\n|\r/) : whole.split("\n");
  const front = readFrontMatter(lines);
  const strict = findHeadings(lines, front.lines);
  const named = new Set(strict.found.flatMap(({ names }) => names));
  const headings =
    named.size === sectionNames.length
      ? strict.found
      : findHeadings(lines, front.lines, (names) => names.some((name) => !named.has(name))).found;
  const titleHeading = titleOf(headings);
  const sections = cutSections(lines, headings, titleHeading);
  const { missing, empty, reasons } = judge(lines, sections, file);
  if (missing.length > 0 && strict.unclosed !== null) reasons.push(`${file}: ${strict.unclosed}`);
  if (lines.every((line) => line.trim() === "")) reasons.splice(0, reasons.length, `${file} is empty`);
  if (front.problem !== null) reasons.unshift(`${file}: the front matter cannot be read: ${front.problem}`);
  const port = portOf(front.values, /port/i.test(whole) ? lines : []);
  return {
    title: titleHeading?.text ?? (typeof front.values.title === "string" ? front.values.title : null),
    frontMatter: { values: front.values, problem: front.problem },
    sections,
    missing,
    empty,
    ...(port === undefined ? {} : { port }),
    complete: reasons.length === 0,
    reasons,
  };
}

type Heading = {
  text: string;
  level: number;
  at: number;
  bodyFrom: number;
  names: readonly SectionName[];
  /** Called just as the required section is. */
  official: boolean;
};

function headingOf(written: string, level: number, at: number, bodyFrom: number): Heading {
  const text = written.replace(/\*\*|__|`/g, "").trim();
  return { text, level, at, bodyFrom, ...meaningOf(written) };
}

/**
 * ATX and setext headings outside code fences and HTML comments; with `alsoLoose`, also lines that only look like one,
 * where it agrees to their names. `unclosed` says which fence or comment swallows the rest.
 */
function findHeadings(
  lines: readonly string[],
  from: number,
  alsoLoose?: (names: readonly SectionName[]) => boolean,
): { found: Heading[]; unclosed: string | null } {
  const found: Heading[] = [];
  let fence: string | null = null;
  let inComment = false;
  let openedAt = 0;
  for (let at = from; at < lines.length; at++) {
    const line = lines[at]!;
    if (!inComment && !mayMark.test(line) && !(alsoLoose && mayBeLoose.test(line))) continue;
    const marks = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (fence !== null) {
      if (marks !== null && marks[1]!.startsWith(fence) && marks[2]!.trim() === "") fence = null;
      continue;
    }
    if (inComment) {
      inComment = !line.includes("-->");
      continue;
    }
    if (marks !== null && !(marks[1]!.startsWith("`") && marks[2]!.includes("`"))) {
      fence = marks[1]!;
      openedAt = at;
      continue;
    }
    if (line.includes("<!--") && line.lastIndexOf("-->") < line.lastIndexOf("<!--")) {
      inComment = true;
      openedAt = at;
    }
    const heading = atxHeading(line, at) ?? setextHeading(lines, at, from);
    const loose = heading === null && alsoLoose ? looseHeading(lines, at) : null;
    if (heading !== null) found.push(heading);
    else if (loose !== null && alsoLoose?.(loose.names)) found.push(loose);
  }
  const open = fence !== null ? "code block" : inComment ? "comment" : null;
  return { found, unclosed: open && `the ${open} that begins in line ${openedAt + 1} is never closed` };
}

/**
 * What is no heading in Markdown and meant as one: `**Purpose**`, `1. Purpose` between blank lines, `##Purpose` and
 * `<h2>Purpose</h2>`. Taken for one of the second level, and only where the spec names that section no other way.
 */
function looseHeading(lines: readonly string[], at: number): Heading | null {
  const line = lines[at]!;
  if (line.length > 120) return null;
  const alone = (lines[at - 1] ?? "").trim() === "" && (lines[at + 1] ?? "").trim() === "";
  const written =
    /^ {0,3}(\*\*|__)(?<text>[^*_].*?)\1:?\s*$/.exec(line) ??
    /^ {0,3}#{2,6}(?<text>[^#\s].*)$/.exec(line) ??
    /^ {0,3}<h[1-6][^>]*>(?<text>.*?)<\/h[1-6]>\s*$/i.exec(line) ??
    (alone ? /^ {0,3}\d{1,2}[.)]\s+(?<text>.*)$/.exec(line) : null);
  return written === null ? null : headingOf(written.groups!["text"]!.trim(), 2, at, at + 1);
}

const mayBeLoose = /^ {0,3}(?:\*\*|__|<h|\d)/i;

/** Begins like a heading, an underline or a fence, or holds a comment. Most lines do not, and end here. */
const mayMark = /^ {0,3}[#=`~-]|<!--/;

function atxHeading(line: string, at: number): Heading | null {
  if (line.length > 1000) return null;
  const match = /^ {0,3}(#{1,6})(?:[ \t\u00A0]+(.*))?$/.exec(line);
  if (match === null) return null;
  const text = (match[2] ?? "").replace(/(?:^|[ \t]+)#+[ \t]*$/, "").trim();
  return headingOf(text, match[1]!.length, at, at + 1);
}

function setextHeading(lines: readonly string[], at: number, from: number): Heading | null {
  const rule = /^ {0,3}(=+|-{2,})\s*$/.exec(lines[at]!);
  if (rule === null || at <= from) return null;
  const text = lines[at - 1]!;
  // A table's rule, a list item or a quote above the dashes does not make a heading of them, nor does a paragraph.
  if (text.trim() === "" || /^\s{4}|^\s*(?:[-*+>|#<]|\d+[.)]\s+\S+\s+\S+\s+\S+\s+\S+\s)/.test(text)) return null;
  if (at - 2 >= from && lines[at - 2]!.trim() !== "") return null;
  return headingOf(text.trim(), rule[1]!.startsWith("=") ? 1 : 2, at - 1, at + 1);
}

/** The first heading of level 1 is the title and no section ("# API"), unless the whole spec is written at level 1. */
function titleOf(headings: readonly Heading[]): Heading | null {
  const first = headings.find((heading) => heading.level === 1);
  if (first === undefined) return null;
  const alone = !headings.some((heading) => heading !== first && heading.level === 1);
  return alone || first.names.length === 0 ? first : null;
}

function cutSections(lines: readonly string[], headings: readonly Heading[], title: Heading | null): SpecSection[] {
  return headings.flatMap((heading, index) => {
    if (heading === title) return [];
    const { text, names, level, official } = heading;
    const end = endOf(headings, index) ?? lines.length;
    return [
      {
        heading: text,
        name: names[0] ?? null,
        names,
        official,
        level,
        line: heading.at + 1,
        // Put together when it is asked for: a judgement asks for five of them, and a long spec has a hundred.
        get body() {
          return lines.slice(heading.bodyFrom, end).join("\n");
        },
      },
    ];
  });
}

/** A required section called by its own name ends the one before it, however it is nested. */
function endOf(headings: readonly Heading[], of: number): number | undefined {
  const heading = headings[of]!;
  for (let index = of + 1; index < headings.length; index++) {
    const next = headings[index]!;
    if (next.level <= heading.level || (next.official && !heading.names.includes(next.names[0]!))) return next.at;
  }
  return undefined;
}

function judge(lines: readonly string[], sections: readonly SpecSection[], file: string) {
  const missing: SectionName[] = [];
  const empty: SectionName[] = [];
  const reasons: string[] = [];
  for (const name of sectionNames) {
    const named = sections.filter((section) => section.names.includes(name));
    // "Purpose" left as a placeholder is not made good by an "Overview" elsewhere.
    const candidates = named.some(({ official }) => official) ? named.filter(({ official }) => official) : named;
    const [first] = candidates;
    if (first === undefined) {
      missing.push(name);
      reasons.push(`${file} has no ${name} section`);
      continue;
    }
    const substances = candidates.map(({ body }) => substanceOf(body, { noneIsAnAnswer: name === "Dependencies" }));
    if (substances.includes("text")) continue;
    empty.push(name);
    const called = first.heading.toLowerCase() === name.toLowerCase() ? name : `${name} ("${first.heading}")`;
    const line = placeholderLine(lines, candidates[Math.max(0, substances.indexOf("placeholder"))]!);
    reasons.push(
      substances.includes("placeholder")
        ? `${file}: ${called} is only placeholder text (line ${line})`
        : `${file}: ${called} is empty (line ${first.line})`,
    );
  }
  return { missing, empty, reasons };
}

/** The line to look at: the first one below the heading that is not blank. */
function placeholderLine(lines: readonly string[], { line }: SpecSection): number {
  const below = lines.findIndex((text, index) => index >= line && !/^[\s=-]*$/.test(text));
  return below < 0 ? line : below + 1;
}

/** From the front matter, else from a line such as "**Port:** 8123", "Runs on port 8123" or "PORT=8123". */
function portOf(values: Record<string, unknown>, lines: readonly string[]): number | undefined {
  const stated = Number(values.port);
  if (isPort(stated)) return stated;
  for (const line of lines) {
    if (!/port/i.test(line)) continue;
    const match =
      /^[\s>|*+_`-]*(?:(?:service|http|default|server|listen(?:ing)?|public)\s+)?port[\s*_`]*[:=|][\s*_`:]*(\d{2,5})\b/i.exec(
        line,
      ) ??
      /\b(?:runs?|running|listens?|listening|serves?|served|exposed|available|starts?|bind|binds)\b[^.]{0,40}?\bport\s*:?\s*`?(\d{2,5})\b/i.exec(
        line,
      );
    const port = Number(match?.[1]);
    if (isPort(port)) return port;
  }
  return undefined;
}

const isPort = (value: number): boolean => Number.isInteger(value) && value > 0 && value < 65536;
