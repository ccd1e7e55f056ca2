import type { Field, FieldType, Json } from "#agents/fleet/scaffold/plan/plan.ts";

const TYPES: Record<string, FieldType> = {
  string: "string",
  text: "string",
  str: "string",
  integer: "integer",
  int: "integer",
  number: "number",
  float: "number",
  decimal: "number",
  boolean: "boolean",
  bool: "boolean",
  email: "email",
  "e-mail": "email",
  url: "url",
  uri: "url",
  date: "date",
  datetime: "datetime",
  "date-time": "datetime",
  timestamp: "datetime",
  "iso 8601": "datetime",
  uuid: "uuid",
  id: "uuid",
  slug: "slug",
  object: "object",
  json: "object",
  "json object": "object",
  map: "object",
  enum: "string",
  "string[]": "strings",
  "array of strings": "strings",
  "list of strings": "strings",
  "array of string": "strings",
  "text[]": "strings",
  "integer[]": "integers",
  "array of integers": "integers",
  "list of integers": "integers",
  "number[]": "numbers",
  "array of numbers": "numbers",
  "list of numbers": "numbers",
};

const isType = (text: string) => text.toLowerCase().replaceAll("`", "").trim() in TYPES;
export const typeNamed = (text: string): FieldType | undefined =>
  isType(text) ? TYPES[text.toLowerCase().replaceAll("`", "").trim()] : undefined;

export type Rules = Partial<Omit<Field, "name" | "line" | "example">> & { createdBy?: "generated" };

const UNIT = "(?: ?(?:characters?|chars?|letters|items?|entries|elements|long))?";
const NUMBER = "(-?\\d+(?:\\.\\d+)?)";
const CHOICE = `(?:"[^"]*"|\`[^\`]*\`|'[^']*'|[A-Za-z0-9_-]+)`;

type Step = { pattern: RegExp; read: (match: RegExpExecArray) => Rules };

/** Tried in this order on what is left of the text, each as often as it matches. docs/builder-grammar.md lists them. */
const STEPS: Step[] = [
  {
    pattern: new RegExp(
      `\\b(?:one of|enum|values?|either|allowed(?: values)?)\\b[:( ]*(${CHOICE}(?:(?: ?[,|/] ?(?:or )?| or )${CHOICE})+)\\)?`,
      "i",
    ),
    read: (match) => ({ choices: choicesIn(match[1] ?? "") }),
  },
  { pattern: /^\s*("[^"]+"(?: ?\| ?"[^"]+")+)/, read: (match) => ({ choices: choicesIn(match[1] ?? "") }) },
  {
    pattern: new RegExp(`\\bdefaults?(?: to| is|:)? *(${CHOICE}|-?\\d+(?:\\.\\d+)?|\\[\\]|\\{\\})`, "i"),
    read: (match) => ({ default: literal(match[1] ?? "") }),
  },
  {
    pattern: /\bgenerated\b[, ]*(\d{1,2}) (?:characters?|chars?)\b/i,
    read: (match) => ({ generated: "code", length: Number(match[1]) }),
  },
  {
    pattern: /\b(?:auto-?increment(?:ed|ing)?|sequence|sequential)\b/i,
    read: () => ({ generated: "sequence" }),
  },
  { pattern: /\b(?:set|generated) (?:on|at) (?:creation|create)\b/i, read: () => ({ generated: "created" }) },
  {
    pattern: /\b(?:set|generated) (?:on|at) (?:every |each )?(?:update|change)s?\b/i,
    read: () => ({ generated: "updated" }),
  },
  { pattern: /\bcounter\b(?:[, ]*starts at 0)?/i, read: () => ({ generated: "counter" }) },
  {
    pattern:
      /\b(?:auto-?generated|generated|read-?only|set by (?:the )?server|server-set|assigned by (?:the )?server)\b(?: by (?:the )?(?:server|service))?/i,
    read: () => ({ createdBy: "generated" }),
  },
  { pattern: /\b(?:required|mandatory)\b/i, read: () => ({ required: true }) },
  { pattern: /\b(?:optional|nullable|not required)\b/i, read: () => ({ required: false }) },
  { pattern: /\bunique\b/i, read: () => ({ unique: true }) },
  {
    pattern: new RegExp(`\\b(?:between )?${NUMBER} ?(?:-|–|to|and|\\.\\.) ?${NUMBER}\\b${UNIT}`, "i"),
    read: (match) => ({ min: Number(match[1]), max: Number(match[2]) }),
  },
  {
    pattern: new RegExp(
      `(?:\\b(?:max(?:imum)?(?: length| of)?|at most|up to|no more than|no longer than)|<=|≤)[: ]*${NUMBER}\\b${UNIT}`,
      "i",
    ),
    read: (match) => ({ max: Number(match[1]) }),
  },
  {
    pattern: new RegExp(
      `(?:\\b(?:min(?:imum)?(?: length| of)?|at least|no less than)|>=|≥)[: ]*${NUMBER}\\b${UNIT}`,
      "i",
    ),
    read: (match) => ({ min: Number(match[1]) }),
  },
  { pattern: /\b(?:non-?empty|not empty|must not be empty)\b/i, read: () => ({ min: 1 }) },
  { pattern: /\b(?:positive)\b/i, read: () => ({ min: 1 }) },
  { pattern: /\b(?:non-?negative)\b/i, read: () => ({ min: 0 }) },
  { pattern: /\b(?:YYYY-MM-DD)\b/, read: () => ({ type: "date" }) },
  { pattern: /\b(?:ISO[- ]?8601|RFC[- ]?3339)\b/i, read: () => ({ type: "datetime" }) },
  {
    pattern: /\b(?:valid |format:? ?|must be an? (?:valid )?)?(e-?mail(?: address)?|url|uuid|slug)\b(?: address)?/i,
    read: (match) => ({ type: typeNamed((match[1] ?? "").replace(/ address/i, "")) ?? "string" }),
  },
];

/** What a list of rules says; `rest` is what of it was not understood, "" if all was. */
export function readRules(text: string): { rules: Rules; rest: string } {
  let rest = text.trim();
  const rules: Rules = {};
  for (const { pattern, read } of STEPS) {
    const match = pattern.exec(rest);
    if (match === null) continue;
    Object.assign(rules, read(match));
    rest = `${rest.slice(0, match.index)} , ${rest.slice(match.index + match[0].length)}`;
  }
  return {
    rules,
    rest: rest
      .replace(/\b(?:and|must be|is|a|an|the)\b/gi, "")
      .replace(/[\s,;.()—–:-]+/g, " ")
      .trim(),
  };
}

function choicesIn(text: string): string[] {
  return [...text.matchAll(/"([^"]*)"|`([^`]*)`|'([^']*)'|([A-Za-z0-9_-]+)/g)]
    .map((match) => match[1] ?? match[2] ?? match[3] ?? match[4] ?? "")
    .filter((word, at, all) => !(word === "or" && all.length > 1) || at === 0);
}

export function literal(text: string): Json {
  const bare = text.replace(/^["'`]|["'`]$/g, "");
  if (/^["']/.test(text)) return bare;
  if (/^(true|false|null|\[\]|\{\}|-?\d+(\.\d+)?)$/.test(bare)) return JSON.parse(bare) as Json;
  return bare;
}
