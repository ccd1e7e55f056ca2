import type { Generated, Plan } from "#agents/fleet/scaffold/plan/plan.ts";

const MAKERS: Record<Exclude<Generated, "path">, string> = {
  uuid: `  uuid: () => randomUUID(),`,
  sequence: `  sequence: (field, store) => store.highest + 1,`,
  created: `  created: () => new Date().toISOString(),`,
  updated: `  updated: () => new Date().toISOString(),`,
  code: `  code: (field, store) => unusedCode(field.length, store.records),`,
  counter: `  counter: () => 0,`,
};

/** BUILD/src/record.js: the fields that the service fills itself, and what keeps records apart. */
export function recordJs(plan: Plan): string {
  const fields = plan.models.flatMap((model) => model.fields);
  const used = new Set(fields.map((field) => field.generated));
  const makers = Object.entries(MAKERS).filter(([name]) => used.has(name as Generated));
  const crypto = [used.has("code") ? "randomInt" : "", used.has("uuid") ? "randomUUID" : ""].filter(Boolean).join(", ");
  const unique = fields.some((field) => field.unique === true);
  const kinds = new Set(plan.routes.map((route) => route.kind));
  const finds = ["read", "replace", "patch", "delete", "action", "redirect"].some((kind) => kinds.has(kind as never));
  const changes = ["replace", "patch", "action"].some((kind) => kinds.has(kind as never));
  return `${crypto === "" ? "" : `import { ${crypto} } from "node:crypto";\n`}${unique || finds ? `import { HttpError } from "./http.js";\n` : ""}
/** How a generated field gets its first value. */
const FIRST = {
${makers.map(([, text]) => text).join("\n")}
};

/** A new record of the model, its fields in the model's order; "given" holds what was sent and checked. */
export function newRecord(model, given, store) {
  const value = (field) => (field.generated && field.generated !== "path" ? FIRST[field.generated](field, store) : given[field.name]);
  return Object.fromEntries(model.fields.map((field) => [field.name, value(field)]));
}
${
  changes
    ? `
/** The record with new values; what the service filled itself stays, but for the time of the last change. */
export function changedRecord(model, record, given) {
  const next = { ...record, ...given };
  for (const field of model.fields) {
    if (field.generated === "updated") next[field.name] = new Date().toISOString();
  }
  return next;
}
`
    : ""
}${
    finds
      ? `
/** The record under the key, or a 404. */
export function foundRecord(model, store, key) {
  const record = store.records.get(key);
  if (record === undefined) throw new HttpError(404, "no " + model.name + " " + JSON.stringify(key));
  return record;
}
`
      : ""
  }${
    unique
      ? `
/** Refuses with 409 what another record already has in a unique field. "own" is the record that is being changed. */
export function requireUnique(model, store, given, own) {
  for (const { name } of model.fields.filter((field) => field.unique)) {
    const value = given[name] ?? null;
    if (value === null) continue;
    for (const other of store.records.values()) {
      if (other !== own && other[name] === value) {
        throw new HttpError(409, name + " " + JSON.stringify(value) + " is already taken");
      }
    }
  }
}
`
      : ""
  }${
    used.has("code")
      ? `
const LETTERS = "abcdefghijkmnpqrstuvwxyz23456789";

function unusedCode(length, records) {
  const code = Array.from({ length }, () => LETTERS[randomInt(LETTERS.length)]).join("");
  return records.has(code) ? unusedCode(length, records) : code;
}
`
      : ""
  }`;
}
