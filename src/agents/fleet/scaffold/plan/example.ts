import type { Field, FieldType, Json, Model } from "#agents/fleet/scaffold/plan/plan.ts";
import { generatedByName } from "#agents/fleet/scaffold/read/models.ts";
import { isFieldName } from "#agents/fleet/scaffold/read/names.ts";
import type { Reason } from "#agents/fleet/scaffold/read/sections.ts";

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const EMAIL = /^[^\s@]{1,64}@[^\s@]{1,190}\.[^\s@.]{2,63}$/;
const UUID = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i;
const DATE = /^\d{4}-\d{2}-\d{2}$/;
const DATETIME = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(:\d{2}(\.\d{1,9})?)?(Z|[+-]\d{2}:\d{2})$/;
const SLUG = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** The narrowest type that the value shows; null where it shows none (null, mixed or empty lists of objects). */
function typeShown(value: Json): FieldType | null {
  if (typeof value === "string") {
    if (UUID.test(value)) return "uuid";
    if (DATETIME.test(value)) return "datetime";
    if (DATE.test(value)) return "date";
    if (EMAIL.test(value)) return "email";
    return /^https?:\/\/\S+$/.test(value) ? "url" : "string";
  }
  if (typeof value === "number") return Number.isInteger(value) ? "integer" : "number";
  if (typeof value === "boolean") return "boolean";
  if (isObject(value)) return "object";
  if (!Array.isArray(value)) return null;
  if (value.every((item) => typeof item === "string")) return "strings";
  if (value.every((item) => Number.isInteger(item))) return "integers";
  return value.every((item) => typeof item === "number") ? "numbers" : null;
}

/** A model read from examples alone: what is sent is required; what only comes back must be a well-known generated field. */
export function modelFromExamples(
  name: string,
  sent: { value: Json; line: number },
  answered: { value: Json; line: number } | undefined,
  problems: Reason[],
): Model {
  const fields: Field[] = [];
  if (!isObject(sent.value)) {
    problems.push({ line: sent.line, message: "the example body must be one JSON object" });
    return { name, fields, line: sent.line };
  }
  for (const [key, value] of Object.entries(sent.value)) {
    const type = typeShown(value);
    if (!isFieldName(key) || type === null) {
      problems.push({
        line: sent.line,
        message: `the example's field ${JSON.stringify(key)} cannot be used: ${type === null ? "its value shows no type that I can check; state it in a model table" : "letters, digits and _ only, and no name that JavaScript objects already have"}`,
      });
      continue;
    }
    fields.push({ name: key, type, required: true, example: value, line: sent.line });
  }
  const extra = isObject(answered?.value) ? Object.entries(answered.value) : [];
  for (const [key, value] of extra) {
    if (Object.hasOwn(sent.value, key)) continue;
    const type = typeShown(value) ?? "string";
    const generated = generatedByName(key, type);
    if (generated === null) {
      problems.push({
        line: answered?.line ?? sent.line,
        message: `the answer has ${JSON.stringify(key)}, which the request does not send: I only store and serve data, I compute nothing. If it is generated, say how in a model table`,
      });
    } else {
      const field: Field = {
        name: key,
        type: generated === "uuid" ? "uuid" : type,
        required: false,
        generated,
        line: answered?.line ?? sent.line,
      };
      if (key === "id") fields.unshift(field);
      else fields.push(field);
    }
  }
  return { name, fields, line: sent.line };
}

/** What is wrong with an example body of this model, in words. Generated fields and null say nothing wrong. */
export function problemsOfExample(model: Model, value: Json, { partial = false } = {}): string[] {
  if (!isObject(value)) return [`must be one JSON object with the fields of ${model.name}`];
  const found: string[] = [];
  for (const [key, sent] of Object.entries(value)) {
    const field = model.fields.find((candidate) => candidate.name === key);
    if (field === undefined) found.push(`has ${JSON.stringify(key)}, which is not a field of ${model.name}`);
    else if (field.generated === undefined && sent !== null && !fits(field, sent))
      found.push(`has ${JSON.stringify(sent).slice(0, 60)} for ${key}, against its own rules`);
  }
  for (const field of model.fields) {
    if (!partial && field.required && field.default === undefined && !Object.hasOwn(value, field.name))
      found.push(`lacks the required field ${field.name}`);
  }
  return found;
}

/** The same check as the generated service's, for the spec's own examples and defaults. */
export function fits(field: Field, value: Json): boolean {
  const { min = -Infinity, max = Infinity } = field;
  const within = (size: number) => size >= min && size <= max;
  switch (field.type) {
    case "integer":
      return Number.isSafeInteger(value) && within(value as number);
    case "number":
      return typeof value === "number" && within(value);
    case "boolean":
      return typeof value === "boolean";
    case "object":
      return isObject(value);
    case "strings":
      return Array.isArray(value) && within(value.length) && value.every((item) => typeof item === "string");
    case "integers":
      return Array.isArray(value) && within(value.length) && value.every((item) => Number.isSafeInteger(item));
    case "numbers":
      return Array.isArray(value) && within(value.length) && value.every((item) => typeof item === "number");
    default: {
      if (typeof value !== "string" || !within(value.length)) return false;
      if (field.choices !== undefined && !field.choices.includes(value)) return false;
      if (field.type === "email") return EMAIL.test(value);
      if (field.type === "url") return /^https?:\/\/\S+$/.test(value);
      if (field.type === "uuid") return UUID.test(value);
      if (field.type === "date") return DATE.test(value) && !Number.isNaN(Date.parse(value));
      if (field.type === "datetime") return DATETIME.test(value) && !Number.isNaN(Date.parse(value));
      return field.type !== "slug" || SLUG.test(value);
    }
  }
}
