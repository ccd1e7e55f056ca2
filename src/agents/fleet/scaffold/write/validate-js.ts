import type { FieldType, Plan } from "#agents/fleet/scaffold/plan/plan.ts";

/** One entry of TYPES for each type that the service has, so that nothing lies unused in it. */
const TYPES: Record<FieldType, string> = {
  string: `{ says: "a text", is: isText, size: (value) => [...value].length, unit: " characters" }`,
  email: `{ says: "an e-mail address", is: (value) => isText(value) && /^[^\\s@]{1,64}@[^\\s@]{1,190}\\.[^\\s@.]{2,63}$/.test(value), size: (value) => value.length, unit: " characters" }`,
  url: `{ says: "an http or https URL", is: isUrl, size: (value) => value.length, unit: " characters" }`,
  slug: `{ says: "lower-case letters, digits and single dashes", is: (value) => isText(value) && /^[a-z0-9]+(-[a-z0-9]+)*$/.test(value), size: (value) => value.length, unit: " characters" }`,
  uuid: `{ says: "a UUID", is: (value) => isText(value) && /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i.test(value) }`,
  date: `{ says: "a date such as 2026-01-31", is: (value) => isText(value) && /^\\d{4}-\\d{2}-\\d{2}$/.test(value) && isDay(value) }`,
  datetime: `{ says: "a time such as 2026-01-31T12:00:00Z", is: (value) => isText(value) && /^\\d{4}-\\d{2}-\\d{2}T\\d{2}:\\d{2}(:\\d{2}(\\.\\d{1,9})?)?(Z|[+-]\\d{2}:\\d{2})$/.test(value) && isDay(value.slice(0, 10)) && !Number.isNaN(Date.parse(value)) }`,
  integer: `{ says: "a whole number", is: Number.isSafeInteger, size: (value) => value, unit: "" }`,
  number: `{ says: "a number", is: Number.isFinite, size: (value) => value, unit: "" }`,
  boolean: `{ says: "true or false", is: (value) => typeof value === "boolean" }`,
  object: `{ says: "an object", is: isObject }`,
  strings: `{ says: "a list of texts", is: (value) => Array.isArray(value) && value.every(isText), size: (value) => value.length, unit: " items" }`,
  integers: `{ says: "a list of whole numbers", is: (value) => Array.isArray(value) && value.every(Number.isSafeInteger), size: (value) => value.length, unit: " items" }`,
  numbers: `{ says: "a list of numbers", is: (value) => Array.isArray(value) && value.every(Number.isFinite), size: (value) => value.length, unit: " items" }`,
};

const HELPERS: [RegExp, string][] = [
  [/\bisText\b/, `const isText = (value) => typeof value === "string";\n`],
  [/\bisUrl\b/, `const isUrl = (value) => /^https?:\\/\\/[^\\s]+$/.test(value) && URL.canParse(value);\n`],
  [
    /\bisDay\b/,
    `/** False for a day that no calendar has, such as 2026-02-30. */
const isDay = (text) => {
  const time = Date.parse(text);
  return !Number.isNaN(time) && new Date(time).toISOString().slice(0, 10) === text;
};
`,
  ],
];

export function validateJs(plan: Plan): string {
  const used = [...new Set(plan.models.flatMap((model) => model.fields.map((field) => field.type)))].sort();
  const types = used.map((type) => `  ${type}: ${TYPES[type]},\n`).join("");
  const helpers = HELPERS.filter(([pattern]) => pattern.test(types)).map(([, text]) => text);
  return `import { HttpError } from "./http.js";

const isObject = (value) => typeof value === "object" && value !== null && !Array.isArray(value);
${helpers.join("")}
/** What each type accepts, how it is named in an answer, and what its minimum and maximum measure. */
const TYPES = {
${types}};

/**
 * The client's fields of a body, checked against the model: all problems at once, as a 400. Generated fields are passed
 * over, null counts as not sent. With "partial" only what was sent is checked and returned (null empties a field).
 */
export function checked(model, body, { partial = false } = {}) {
  if (!isObject(body)) throw new HttpError(400, "the body must be a JSON object");
  const known = new Map(model.fields.map((field) => [field.name, field]));
  const details = Object.keys(body)
    .filter((name) => !known.has(name))
    .map((name) => JSON.stringify(name) + " is not a field of " + model.name);
  const values = {};
  for (const field of model.fields.filter((one) => one.generated === undefined)) {
    if (partial && !Object.hasOwn(body, field.name)) continue;
    const value = (Object.hasOwn(body, field.name) ? body[field.name] : null) ?? field.default ?? null;
    const problem = problemOf(field, value);
    if (problem !== null) details.push(problem);
    values[field.name] = value;
  }
  if (details.length > 0) throw new HttpError(400, "the body is not a valid " + model.name, { details });
  return values;
}

/** What is wrong with a value for a field, or null. */
export function problemOf(field, value) {
  if (value === null) return field.required ? field.name + " is required" : null;
  const type = TYPES[field.type];
  if (!type.is(value)) return field.name + " must be " + type.says;
  if (field.choices && !field.choices.includes(value)) return field.name + " must be one of " + field.choices.join(", ");
  if (field.min !== undefined && type.size(value) < field.min) return field.name + " must be at least " + field.min + type.unit;
  if (field.max !== undefined && type.size(value) > field.max) return field.name + " must be at most " + field.max + type.unit;
  return null;
}
`;
}
