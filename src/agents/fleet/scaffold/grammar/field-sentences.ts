import type { Field } from "#agents/fleet/scaffold/plan/plan.ts";
import { titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { readRules, typeNamed, type Rules } from "#agents/fleet/scaffold/read/field-rules.ts";
import { fieldOf, prove, type Scope } from "./scope.ts";

const LINK =
  "(?:is|are|must be|must have|must|has|have|should be|should have|can have|may have|can be|may be|defaults? to|accepts?)";

/**
 * "text is required and has at most 500 characters": a field, a link word, and rules as in a model table. The rules are put
 * on the field, or held against it where the table has them already. What is left of the sentence is returned.
 */
export function readFieldRules(scope: Scope, text: string): string {
  const subject = new RegExp(
    `(?:\\b(?:the|each|every|its|an?|both) )*(?<![\\w-])(${scope.F}(?:(?:,? and |, )${scope.F})*) (?=${LINK}\\b)`,
    "gi",
  );
  const flat = text.replace(/[()]/g, " ").replace(/\s+/g, " ").replace(/ ,/g, ",");
  const starts = [...flat.matchAll(subject)];
  if (starts.length === 0) return text;
  let rest = flat.slice(0, starts[0]?.index ?? 0);
  for (const [at, start] of starts.entries()) {
    const segment = flat.slice(start.index + start[0].length, starts[at + 1]?.index ?? flat.length);
    const { rules, left, understood } = rulesIn(segment);
    if (!understood) {
      rest += `${start[0]} ${segment}`;
      continue;
    }
    for (const [words] of (start[1] ?? "").matchAll(new RegExp(`(?<![\\w-])${scope.F}`, "gi"))) {
      const found = fieldOf(scope, words);
      if (found === null) continue;
      apply(scope, found.field, rules);
      const writes = scope.plan.routes.filter(
        (route) => route.resource === found.resource && ["create", "replace", "patch"].includes(route.kind),
      );
      prove(scope, writes, writes.map(rules.unique === true ? titleOf.unique : titleOf.invalid));
    }
    rest += ` ; ${left}`;
  }
  return rest;
}

/** Rules from the start of the segment up to a comma or a condition; what follows goes on to the other phrases. */
function rulesIn(segment: string): { rules: Rules; left: string; understood: boolean } {
  const [, head = "", tail = ""] =
    /^(.*?)((?:,? (?:else|otherwise|if|when|where|or the|and the|and returns?|with (?:a )?\d{3}|returns?|answers?|gets?)\b.*)?)$/i.exec(
      segment,
    ) ?? [];
  const bare = head.replace(new RegExp(`^${LINK} ?`, "i"), "").trim();
  const withType = /^(?:an? )?(?:valid )?([a-z0-9 -]+?)(?: value)?[ ,.]*$/i.exec(bare)?.[1] ?? "";
  const type = typeNamed(withType);
  if (type !== undefined) return { rules: { type }, left: tail, understood: true };
  const { rules, rest } = readRules(/defaults? to/i.test(head) ? `default ${bare}` : bare);
  const left = rest
    .replace(
      /\b(?:has|have|must|be|have|can|may|is|are|should|also|each|it|both|long|value|characters?|text|of)\b/gi,
      "",
    )
    .trim();
  return { rules, left: `${left} ${tail}`, understood: Object.keys(rules).length > 0 };
}

function apply(scope: Scope, field: Field, rules: Rules): void {
  const clash = (what: string) => scope.faults.push(`${field.name} is stated otherwise in the API section (${what})`);
  if (rules.type !== undefined && rules.type !== field.type) clash(`its type is ${field.type}`);
  if (rules.required === true && !field.required && field.default === undefined && field.generated === undefined)
    clash("it is optional");
  if (rules.required === false && field.required && field.default === undefined) clash("it is required");
  if (rules.choices !== undefined) {
    if (field.choices === undefined && field.type === "string") field.choices = rules.choices;
    else if (JSON.stringify(field.choices?.toSorted()) !== JSON.stringify(rules.choices.toSorted()))
      clash("its choices are others");
  }
  for (const key of ["min", "max", "default"] as const) {
    const value = rules[key];
    if (value === undefined) continue;
    if (field[key] === undefined) Object.assign(field, { [key]: value });
    else if (field[key] !== value && !(key === "min" && value === 1 && typeof field.min === "number" && field.min > 1))
      clash(`its ${key} is ${JSON.stringify(field[key])}`);
  }
  if (rules.unique === true) field.unique = true;
  const generated = rules.generated ?? rules.createdBy;
  if (generated !== undefined && field.generated === undefined) clash("it is not generated");
}
