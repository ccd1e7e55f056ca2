import type { Field, Generated, Model } from "#agents/fleet/scaffold/plan/plan.ts";
import type { Block } from "./document.ts";
import { readRules, typeNamed, type Rules } from "./field-rules.ts";
import { isFieldName, isModelName, pascal } from "./names.ts";
import type { Reason } from "./sections.ts";

const bare = (cell: string) => cell.replaceAll("`", "").trim();
const COLUMNS = {
  name: /^(field|name|property|key|attribute)$/i,
  type: /^type$/i,
  required: /^(required|required\?|mandatory)$/i,
  rules: /^(rules?|constraints?|validation|notes?|format)$/i,
  default: /^default$/i,
  example: /^example$/i,
  description: /^(description|meaning|about)$/i,
};
/** Words of a description that would be a rule if they were read; there they are refused instead. */
const RULE_WORDS =
  /\b(must|unique|only|max|maximum|min|minimum|at least|at most|default|between|generated|calculated|computed|derived|characters|never|always)\b/i;

export const isModelTable = (block: Block) =>
  block.kind === "table" &&
  block.header.some((cell) => COLUMNS.type.test(bare(cell))) &&
  block.header.some((cell) => COLUMNS.name.test(bare(cell)));

export const isModelBullet = (block: Block) =>
  block.kind === "text" &&
  block.bullet &&
  /^`[^`]+`\s*(?:\(|:|—|–|-)\s*\(?[a-z]/i.test(block.text) &&
  !/^`\??(?:GET|POST|PUT|PATCH|DELETE)\b/.test(block.text);

/** "### Quote", "### Model: Quote", "### Quote model", "### Data model" (nameless, then `fallback`). */
export function modelNameOf(heading: string, fallback: string): string {
  const text = heading
    .replaceAll("`", "")
    .replace(/^(?:the )?(?:data )?(?:models?|schema|entity|resource|object)\b\s*[:–—-]?\s*/i, "")
    .replace(/\s*\(?(?:data )?(?:model|schema|object|entity|fields|record)\)?$/i, "")
    .trim();
  return pascal(text) || fallback;
}

export function readModelTable(name: string, table: Extract<Block, { kind: "table" }>, problems: Reason[]): Model {
  const column = (pattern: RegExp) => table.header.findIndex((cell) => pattern.test(bare(cell)));
  const at = Object.fromEntries(Object.entries(COLUMNS).map(([key, pattern]) => [key, column(pattern)]));
  const known = new Set(Object.values(at));
  for (const [index, cell] of table.header.entries()) {
    if (!known.has(index)) {
      problems.push({
        line: table.line,
        message: `the column "${cell}" of the model ${name} is not one that I read: use Field, Type, Required, Rules, Default, Example or Description`,
      });
    }
  }
  const fields: Field[] = [];
  for (const { cells, line } of table.rows) {
    const cell = (key: string) => cells[at[key] ?? -1]?.trim() ?? "";
    const description = cell("description");
    const own = bare(cell("name")) === "id" || /generated|auto|server/i.test(cell("required"));
    if (!own && RULE_WORDS.test(description)) {
      problems.push({
        line,
        message: `the description "${description}" reads like a rule: write it in the Rules column, so that it is checked`,
      });
    }
    const stated = cell("default");
    const rules = [cell("rules"), /^[-–—]?$/.test(stated) ? "" : `default ${stated}`]
      .filter((text) => !/^[-–—]?$/.test(text))
      .join("; ");
    const field = readField(
      { name: bare(cell("name")), type: cell("type"), required: bare(cell("required")), rules, line },
      problems,
    );
    if (field !== null) fields.push(field);
  }
  return finish(name, fields, table.line, problems);
}

/** `` `text` (string, required, max 280 characters) `` or `` `text`: string, required ``; after it a dash and prose. */
export function readModelBullets(name: string, bullets: Extract<Block, { kind: "text" }>[], problems: Reason[]): Model {
  const fields: Field[] = [];
  for (const { text, line } of bullets) {
    const match = /^`([^`]+)`\s*(?:\(([^)]*)\)|[:—–-]\s*\(?([^)]*?)\)?)(?:\s*[:—–-]\s*(.*))?$/.exec(text);
    const [type = "", ...rest] = (match?.[2] ?? match?.[3] ?? "").split(",");
    if (RULE_WORDS.test(match?.[4] ?? "")) {
      problems.push({
        line,
        message: `"${match?.[4] ?? ""}" reads like a rule: write it inside the brackets, so that it is checked`,
      });
    }
    const field = readField(
      { name: match?.[1] ?? "", type: type.trim(), required: "", rules: rest.join(","), line },
      problems,
    );
    if (field !== null) fields.push(field);
  }
  return finish(name, fields, bullets[0]?.line ?? 1, problems);
}

type Row = { name: string; type: string; required: string; rules: string; line: number };

function readField(row: Row, problems: Reason[]): Field | null {
  if (!isFieldName(row.name)) {
    problems.push({
      line: row.line,
      message: `the field name ${JSON.stringify(row.name)} cannot be used: letters, digits and _ only, starting with a letter, and no name that JavaScript objects already have`,
    });
    return null;
  }
  const typed = typeNamed(row.type);
  const { rules, rest } = typed === undefined ? readRules(`${row.type}; ${row.rules}`) : readRules(row.rules);
  const plainType = typed === undefined ? typeNamed(rest) : undefined;
  if (rest !== "" && plainType === undefined) {
    problems.push({
      line: row.line,
      message: `the rule "${rest}" of the field ${row.name} is not one that I can check: see the rules in docs/builder-grammar.md`,
    });
  }
  const type = rules.type ?? typed ?? plainType ?? "string";
  const generated = generatedBy(row, rules, type);
  const field: Field = {
    name: row.name,
    type,
    required: rules.required ?? (/^(yes|true|y|required|✓|✔|✅|x)$/i.test(row.required) && rules.default === undefined),
    line: row.line,
  };
  if (
    !/^(yes|true|y|required|✓|✔|✅|x|no|false|n|optional|✗|❌|generated|no \(generated\)|auto|server|[-–—]|)$/i.test(
      row.required,
    )
  ) {
    problems.push({
      line: row.line,
      message: `"${row.required}" under Required of the field ${row.name} is neither yes, no nor generated`,
    });
  }
  if (rules.unique !== undefined) field.unique = rules.unique;
  if (rules.choices !== undefined) field.choices = rules.choices;
  if (rules.min !== undefined) field.min = rules.min;
  if (rules.max !== undefined) field.max = rules.max;
  if (rules.default !== undefined) field.default = rules.default;
  if (rules.length !== undefined) field.length = rules.length;
  if (generated === "unknown") {
    problems.push({
      line: row.line,
      message: `I do not know how the field ${row.name} is generated: say "set on creation", "set on update", "counter", "sequence" or "generated, 6 characters"`,
    });
  } else if (generated !== null) {
    field.generated = generated;
    field.required = false;
  }
  return field;
}

function generatedBy(row: Row, rules: Rules, type: Field["type"]): Generated | "unknown" | null {
  const numeric = type === "integer" || type === "number";
  if (rules.generated !== undefined) return rules.generated === "uuid" && numeric ? "sequence" : rules.generated;
  const said = rules.createdBy !== undefined || /generated|auto|server/i.test(row.required);
  const byName = generatedByName(row.name, type);
  if (row.name === "id" && !rules.required) return numeric ? "sequence" : "uuid";
  if (!said) return null;
  return byName ?? (type === "uuid" ? "uuid" : type === "datetime" ? "created" : "unknown");
}

/** The names whose meaning is the same everywhere. */
export function generatedByName(name: string, type: Field["type"]): Generated | null {
  if (name === "id") return type === "integer" ? "sequence" : "uuid";
  if (type === "datetime" && /^(created|created_?at|received_?at|recorded_?at|added_?at)$/i.test(name))
    return "created";
  if (type === "datetime" && /^(updated|updated_?at|modified_?at|changed_?at)$/i.test(name)) return "updated";
  return null;
}

function finish(name: string, fields: Field[], line: number, problems: Reason[]): Model {
  if (!isModelName(name))
    problems.push({ line, message: `the model name ${JSON.stringify(name)} cannot be used: letters and digits only` });
  const seen = new Set<string>();
  for (const field of fields) {
    if (seen.has(field.name))
      problems.push({ line: field.line, message: `the field ${field.name} of ${name} is stated twice` });
    seen.add(field.name);
    problems.push(...contradictions(field));
  }
  if (fields.length === 0) problems.push({ line, message: `the model ${name} has no fields` });
  return { name, fields, line };
}

const LIMIT = 1e9;
function contradictions(field: Field): Reason[] {
  const found: string[] = [];
  const { min, max, type, choices } = field;
  if (min !== undefined && max !== undefined && min > max) found.push(`has a minimum ${min} above its maximum ${max}`);
  if ([min, max].some((bound) => bound !== undefined && Math.abs(bound) > LIMIT))
    found.push(`has a bound beyond ±${LIMIT}`);
  const counted =
    type === "string" || type === "strings" || type === "integers" || type === "numbers" || type === "slug";
  if (
    counted &&
    [min, max].some((bound) => bound !== undefined && (bound < 0 || bound > 100_000 || !Number.isInteger(bound)))
  ) {
    found.push("has a length bound that is not a whole number from 0 to 100000");
  }
  if ((min !== undefined || max !== undefined) && ["boolean", "object", "uuid", "date", "datetime"].includes(type))
    found.push(`is ${type}, which has no minimum or maximum`);
  if (choices !== undefined && (choices.length > 100 || new Set(choices).size !== choices.length || type !== "string"))
    found.push("has choices that are not up to 100 different texts");
  if (field.unique === true && !["string", "email", "url", "slug", "uuid", "integer"].includes(type))
    found.push(`is ${type}, which cannot be unique here`);
  if (field.length !== undefined && (field.length < 4 || field.length > 64))
    found.push("has a generated code that is not 4 to 64 characters long");
  return found.map((what) => ({ line: field.line, message: `the field ${field.name} ${what}` }));
}
