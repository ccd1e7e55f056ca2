import type { Field, Json, Model } from "./plan.ts";
import { fits } from "./example.ts";

/** A valid value for the field, another for each `at` (0, 1, 2), so that a unique field has three different ones. */
export function sample(field: Field, at: number, { isKey = false } = {}): Json {
  const number = at + 1;
  const { min, max = Infinity } = field;
  if (at === 0 && field.example !== undefined && field.example !== null && fits(field, field.example))
    return field.example;
  const items = (item: Json) => Array.from({ length: Math.max(min ?? 1, Math.min(1, max)) }, () => item);
  switch (field.type) {
    case "integer":
      return within(Math.ceil(min ?? Math.min(1, max)) + at, max);
    case "number":
      return within((min ?? Math.min(1, max)) + at / 2, max);
    case "boolean":
      return at % 2 === 0;
    case "object":
      return { note: `sample ${number}` };
    case "strings":
      return items(`${field.name} ${number}`);
    case "integers":
      return items(number);
    case "numbers":
      return items(number + 0.5);
    case "email":
      return `person${number}@example.com`.padStart(min ?? 0, "x");
    case "url":
      return `https://example.com/${number}`.padEnd(min ?? 0, "x");
    case "uuid":
      return `0000000${number}-0000-4000-8000-000000000000`;
    case "date":
      return `2026-01-0${number}`;
    case "datetime":
      return `2026-01-0${number}T12:00:00Z`;
    default: {
      if (field.choices !== undefined) return field.choices[at % field.choices.length] ?? "";
      const join = isKey || field.type === "slug" ? "-" : " ";
      const name = field.type === "slug" ? field.name.toLowerCase().replace(/[^a-z0-9]/g, "") : field.name;
      const text = `${name}${join}${number}`;
      return text.length <= max
        ? text.padEnd(min ?? 0, "x")
        : String(number)
            .padEnd(min ?? 1, "x")
            .slice(0, max);
    }
  }
}

const within = (value: number, max: number) => (value > max ? max : value);

export const clientFields = (model: Model) => model.fields.filter((field) => field.generated === undefined);

type BadSample = { why: string; field: string; value: string | null };

/** Values that must be refused, as JavaScript source; null where the field is left out. */
export function badSamples(model: Model): BadSample[] {
  return clientFields(model).flatMap((field) => {
    const { name, type, min, max } = field;
    const found: BadSample[] = [];
    const add = (why: string, value: string | null) => found.push({ why: `${name} ${why}`, field: name, value });
    if (field.required && field.default === undefined) add("is missing", null);
    add("has another type", OTHER_TYPE[type] ?? "7");
    if (MALFORMED[type] !== undefined) add("is malformed", MALFORMED[type]);
    if (field.choices !== undefined) add("is none of the choices", `"none of the choices"`);
    const text = type === "string" || type === "slug";
    const list = type === "strings" || type === "integers" || type === "numbers";
    const item = type === "strings" ? `"x"` : "1";
    if (field.choices === undefined && text && max !== undefined) add("is too long", `"x".repeat(${max + 1})`);
    if (field.choices === undefined && text && min !== undefined && min > 0)
      add("is too short", `"x".repeat(${min - 1})`);
    if (list && max !== undefined) add("has too many items", `Array(${max + 1}).fill(${item})`);
    if (list && min !== undefined && min > 0) add("has too few items", `Array(${min - 1}).fill(${item})`);
    if (type === "integer" || type === "number") {
      if (max !== undefined) add("is too large", String(max + 1));
      if (min !== undefined) add("is too small", String(min - 1));
    }
    return found;
  });
}

const OTHER_TYPE: Partial<Record<Field["type"], string>> = {
  integer: `"seven"`,
  number: `"seven"`,
  boolean: `"yes"`,
  object: "[]",
  strings: "[7]",
  integers: `["seven"]`,
  numbers: `["seven"]`,
};

const MALFORMED: Partial<Record<Field["type"], string>> = {
  email: `"not an address"`,
  url: `"javascript:alert(1)"`,
  uuid: `"1234"`,
  date: `"2026-02-30"`,
  datetime: `"2026-02-30T12:00:00Z"`,
  slug: `"Not A Slug"`,
  integer: "1.5",
};
