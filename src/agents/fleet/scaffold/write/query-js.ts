import type { Plan } from "#agents/fleet/scaffold/plan/plan.ts";

/** BUILD/src/query.js: what lists, searches, counts and picks need, and only as much of it as the service uses. */
export function queryJs(plan: Plan): string | null {
  const lists = plan.routes.flatMap((route) => (route.list === undefined ? [] : [route.list]));
  if (lists.length === 0) return null;
  const some = (test: (list: (typeof lists)[number]) => unknown) => lists.some((list) => Boolean(test(list)));
  const filters = some((list) => list.filters.length > 0);
  const search = some((list) => list.search);
  const times = some((list) => list.since ?? list.until);
  const pages = some((list) => list.limit ?? list.offset);
  const newest = some((list) => list.order === "newest");
  const sort = some((list) => list.sort ?? list.orderBy);
  const stated = some((list) => list.sort);
  const groups = plan.routes.some((route) => (route.stats?.groups.length ?? 0) > 0);
  const steps = [
    filters ? "  for (const name of options.filters ?? []) found = filtered(found, model, name, query.get(name));" : "",
    search
      ? "  if (options.search) found = searched(found, model, options.search, query.get(options.search.parameter));"
      : "",
    times
      ? "  if (options.time) found = between(found, options, query.get(options.since), query.get(options.until));"
      : "",
    newest ? `  if (options.order === "newest") found.reverse();` : "",
    sort ? "  found = sorted(found, model, options, query);" : "",
  ].filter(Boolean);
  const page = pages
    ? `  const offset = options.offset ? wholeNumber(query, options.offset, { fallback: 0, min: 0, max: Number.MAX_SAFE_INTEGER }) : 0;
  const limit = options.limit ? wholeNumber(query, options.limit.parameter, { fallback: options.limit.default, min: 1, max: options.limit.max }) : total;
  return { items: found.slice(offset, offset + limit), total, limit, offset };`
    : "  return { items: found, total, limit: total, offset: 0 };";
  const parts = [
    `import { HttpError } from "./http.js";
${filters ? `import { problemOf } from "./validate.js";\n` : ""}
/**
 * The records that the query asks for, oldest first unless the options say otherwise: { items, total, limit, offset },
 * where total counts what was found before it was cut to a page. A parameter that is not known is a 400, so that a
 * misspelt filter does not answer with everything.
 */
export function select(records, query, model, options) {
  const known = parametersOf(options);
  for (const name of query.keys()) {
    if (!known.includes(name)) throw new HttpError(400, "the query parameter " + JSON.stringify(name) + " is not known");
  }
  let found = [...records];
${steps.join("\n")}${steps.length > 0 ? "\n" : ""}  const total = found.length;
${page}
}

function parametersOf({ filters = [], search, since, until, limit, offset, sort }) {
  return [...filters, search?.parameter, since, until, limit?.parameter, offset, sort].filter(Boolean);
}
`,
    filters
      ? `
/** Keeps the records whose field has the value; for a list, those that contain it. */
function filtered(found, model, name, text) {
  if (text === null) return found;
  const field = model.fields.find((one) => one.name === name);
  const value = parsed(field.type, text);
  const isList = ["strings", "integers", "numbers"].includes(field.type);
  const problem = isList ? null : problemOf({ name, type: field.type, choices: field.choices }, value);
  if (problem !== null) throw new HttpError(400, problem);
  return found.filter((record) => (isList ? (record[name] ?? []).includes(value) : record[name] === value));
}

function parsed(type, text) {
  if (["integer", "number", "integers", "numbers"].includes(type)) return text.trim() === "" ? Number.NaN : Number(text);
  if (type === "boolean") return { true: true, false: false }[text];
  return text;
}
`
      : "",
    search
      ? `
/** Keeps the records with the words in one of the searched fields, whatever the case. */
function searched(found, model, { parameter, required, fields }, text) {
  if (text === null || text.trim() === "") {
    if (required) throw new HttpError(400, parameter + " is required: the words to search for");
    return found;
  }
  const words = text.toLowerCase();
  return found.filter((record) => fields.some((name) => String(record[name] ?? "").toLowerCase().includes(words)));
}
`
      : "",
    times
      ? `
/** Keeps the records from "since" up to "until", both included. */
function between(found, { time, since, until }, from, to) {
  const start = from === null ? -Infinity : timeOf(since, from);
  const end = to === null ? Infinity : timeOf(until, to);
  return found.filter((record) => Date.parse(record[time]) >= start && Date.parse(record[time]) <= end);
}

function timeOf(name, text) {
  const time = /^\\d{4}-\\d{2}-\\d{2}/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(time)) throw new HttpError(400, name + " must be a time such as 2026-01-31T12:00:00Z");
  return time;
}
`
      : "",
    sort
      ? `
/** In the order of a field: "name" is rising, "-name" falling. Equal ones stay as they were. */
function sorted(found, model, options, query) {
${stated ? `  const wanted = (options.sort && query.get(options.sort)) ?? options.orderBy;\n` : "  const wanted = options.orderBy;\n"}  if (!wanted) return found;
  const falling = wanted.startsWith("-");
  const name = falling ? wanted.slice(1) : wanted;
${stated ? `  if (!model.fields.some((field) => field.name === name)) throw new HttpError(400, "cannot sort by " + JSON.stringify(name));\n` : ""}  const order = (one, other) => (one[name] ?? "") < (other[name] ?? "") ? -1 : (one[name] ?? "") > (other[name] ?? "") ? 1 : 0;
  return found.toSorted((one, other) => (falling ? order(other, one) : order(one, other)));
}
`
      : "",
    pages
      ? `
function wholeNumber(query, name, { fallback, min, max }) {
  const text = query.get(name);
  if (text === null) return fallback;
  const number = /^\\d{1,15}$/.test(text) ? Number(text) : Number.NaN;
  if (!(number >= min && number <= max)) throw new HttpError(400, name + " must be a whole number from " + min + " to " + max);
  return number;
}
`
      : "",
    groups
      ? `
/** How many records have each value of the field. */
export function countBy(records, name) {
  const counts = new Map();
  for (const value of records.flatMap((record) => record[name] ?? [])) counts.set(String(value), (counts.get(String(value)) ?? 0) + 1);
  return Object.fromEntries(counts);
}
`
      : "",
  ];
  return parts.join("");
}
