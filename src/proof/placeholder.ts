/**
 * What a section says once everything that says nothing is taken away: comments, template prompts ("[What problem…]"),
 * TODO, TBD, dots, empty list items, empty tables and lone sub-headings.
 *
 * "empty": nothing stands there. "placeholder": only text that somebody meant to replace.
 * `body` has "\n" between its lines.
 */
export function substanceOf(body: string, { noneIsAnAnswer = false } = {}): "empty" | "placeholder" | "text" {
  const visible = body.includes("<!--") ? body.replace(/<!--[\s\S]*?(?:-->|$)/g, "\n<!---->\n") : body;
  // A prompt of a template may run over several lines: "[What problem\ndoes it solve?]". Not code: that has other signs.
  const joined = visible.includes("[")
    ? visible.replace(/\[[A-Za-z][^[\]{}"`]{0,500}\](?![([])/g, (prompt) => prompt.replaceAll("\n", " "))
    : visible;
  const lines = joined.split("\n");
  let something = false;
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index]!;
    if (isTableRule(lines[index + 1])) continue; // a table's header names its columns and says nothing yet
    const parts = isTableRow(line) ? line.split("|") : [line];
    for (const part of parts) {
      const text = bare(part);
      if (text === "" || isQuietHeading(text)) continue;
      if (saysSomething(text, noneIsAnAnswer)) return "text";
      something = true;
    }
  }
  return something ? "placeholder" : "empty";
}

const isTableRule = (line: string | undefined): boolean =>
  line !== undefined && line.includes("|") && line.includes("-") && /^[\s:|-]+$/.test(line);
const isTableRow = (line: string): boolean => /^\s*\|.*\|\s*$/.test(line);

/** A line without its list marker, check box, quote mark, emphasis and fence. */
function bare(line: string): string {
  return line
    .replace(/^[\s>]*(?:`{3,}|~{3,}).*$/, "")
    .replace(/^[\s>]*(?:(?:[-*+•]|\d+[.)])\s+)*(?:\[[ xX]?\]\s*)?/, "")
    .replace(/[*_`~]+/g, "")
    .replace(/&nbsp;|[\u200B\u2060\uFEFF]/g, " ")
    .replace(/\\([[\]<>])/g, "$1")
    .replace(/[\p{Extended_Pictographic}\u{FE0F}\u{200D}]/gu, "")
    .replace(/^[-=+•|:\s]+$/, "")
    .trim();
}

/** A sub-heading says nothing by itself, unless it names an endpoint: "### GET /quotes". */
const isQuietHeading = (text: string): boolean =>
  /^#{1,6}(?:\s|$)/.test(text) && !/\b(?:get|post|put|patch|delete|head|options)\b.*\//i.test(text);

const none =
  /^(?:n\/?a|none|nothing|nil|no(?:ne)? (?:external |third[- ]party |other )?(?:dependencies|deps)?(?: needed| required)?|not applicable)\b/i;

const promise = new RegExp(
  "^(?:" +
    [
      "(?:todo|tbd|tba|tbc|tbw|fixme|xxx+|wip)(?:$|[^a-z0-9].*)",
      "to be (?:defined|determined|decided|written|done|added|completed|confirmed|announced|discussed|specified|filled)\\b.*",
      "(?:details |more |content )?(?:coming|to follow|to come)(?: soon| later)?",
      "to[- ]do[.:!]?",
      "\\(?fill (?:me |this |it |these )?in\\b.*",
      "(?:your |the |some )?(?:\\w+ ){0,3}(?:goes|go) here",
      "[$%][A-Za-z_]+%?",
      "\\d+[.)]",
      "(?:insert|add|write|describe|put|enter|list|explain|your|type)\\b.*\\bhere",
      "(?:placeholder|pending|draft|later|work in progress|under construction|lorem ipsum\\b.*|not (?:yet )?(?:written|defined|decided))",
      "(?:n\\/?a|n\\.\\s?a\\.?|none|nothing|nil|not applicable)",
      "[.…?\\-–—_\\s]+",
    ].join("|") +
    ")[.!…\\s]*$",
  "i",
);

/** A prompt left over from a template: all of it in brackets, and no link or check box. */
const prompt =
  /^(?:\[[^\]]*\](?![([])|<[^<>]*>|\{\{[^}]*\}\}|\{[^{}:"]*\}|\((?:describe|list|explain|what|why|how|who|e\.?g\.?)\b[^)]*\)|[\s.,;:])+$/i;

function saysSomething(text: string, noneIsAnAnswer: boolean): boolean {
  if (text.length > 300) return true;
  if (noneIsAnAnswer && none.test(text)) return true;
  if (/^<!-+>$/.test(text) || prompt.test(text) || promise.test(text)) return false;
  const label = /^[^:]{1,60}:\s*(.*)$/.exec(text);
  if (label === null || /^[a-z]+:\/\//i.test(text)) return true;
  const rest = label[1]!.trim();
  return rest !== "" && (saysSomething(rest, noneIsAnAnswer) || /^\d/.test(rest));
}
