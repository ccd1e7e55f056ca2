import type { Json, ListOptions, Plan, Resource, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { camel } from "#agents/fleet/scaffold/read/names.ts";
import { constantOf } from "./models-js.ts";
import { quoted, source } from "./text.ts";

export const routesFunction = (resource: Resource) => `${camel(resource.name)}Routes`;
export const routesOf = (plan: Plan, resource: Resource) => plan.routes.filter((route) => route.resource === resource);
const optionsName = (route: Route) => `${camel(`${route.kind} options`)}`;
const SEARCHED = ["string", "email", "url", "slug", "strings"];

/** BUILD/src/routes/<name>.js: the routes of one resource. */
export function routesJs(plan: Plan, resource: Resource): string {
  const routes = routesOf(plan, resource);
  const handlers = routes.map((route) => handler(resource, route));
  const options = routes
    .filter((route) => route.list !== undefined)
    .map((route) => `const ${optionsName(route)} = ${source(optionsOf(resource, route.list as ListOptions))};\n`);
  const text = `${handlers.join("")}`;
  const keyPattern = /\bstatedKey\b/.test(text) ? STATED_KEY : "";
  const same = /\bsameKey\b/.test(text) ? SAME_KEY : "";
  const used = (name: string) => new RegExp(`\\b${name}\\b`).test(text + keyPattern + same);
  const imports = [
    used("randomInt") ? `import { randomInt } from "node:crypto";` : "",
    used("HttpError") ? `import { HttpError } from "../http.js";` : "",
    used(constantOf(resource.model)) ? `import { ${constantOf(resource.model)} } from "../models.js";` : "",
    importOf(["countBy", "select"].filter(used), "../query.js"),
    importOf(["changedRecord", "foundRecord", "newRecord", "requireUnique"].filter(used), "../record.js"),
    importOf(["checked"].filter(used), "../validate.js"),
  ].filter(Boolean);
  return `${imports.join("\n")}

${options.join("")}${options.length > 0 ? "\n" : ""}/** The routes of ${resource.path}; "store" holds its records. */
export function ${routesFunction(resource)}(store) {
  return [
${text}  ];
}
${keyPattern}${same}`;
}

const importOf = (names: string[], from: string) =>
  names.length === 0 ? "" : `import { ${names.join(", ")} } from ${quoted(from)};`;

const STATED_KEY = `
/** A key that the client chose, as it may stand in a path. */
function statedKey(key) {
  if (!/^[A-Za-z0-9._-]{1,128}$/.test(key)) {
    throw new HttpError(400, "a key has 1 to 128 letters, digits, dots, dashes or underscores");
  }
  return key;
}
`;
const SAME_KEY = `
/** The key is in the path; a body may repeat it, but not change it. */
function sameKey(given, name, record) {
  if (given[name] !== undefined && given[name] !== record[name]) throw new HttpError(400, name + " cannot be changed");
}
`;

function optionsOf(resource: Resource, list: ListOptions): { [key: string]: Json } {
  const shown: { [key: string]: Json } = {};
  if (list.filters.length > 0) shown["filters"] = list.filters;
  if (list.search !== undefined) {
    const fields = resource.model.fields.filter((field) => SEARCHED.includes(field.type)).map((field) => field.name);
    shown["search"] = {
      parameter: list.search.parameter,
      required: list.search.required,
      fields: list.search.fields ?? fields,
    };
  }
  if (list.since !== undefined || list.until !== undefined) shown["time"] = timeField(resource) ?? "";
  for (const key of ["since", "until", "offset", "sort"] as const) {
    const value = list[key];
    if (value !== undefined) shown[key] = value;
  }
  if (list.limit !== undefined) shown["limit"] = list.limit;
  if (list.orderBy !== undefined) shown["orderBy"] = `${list.orderBy.descending ? "-" : ""}${list.orderBy.field}`;
  if (list.order === "newest") shown["order"] = "newest";
  return shown;
}

/** The field that "since" and "until" look at: when it was created, else the only time that it has. */
export const timeField = (resource: Resource) =>
  (
    resource.model.fields.find((field) => field.generated === "created") ??
    resource.model.fields.find((field) => field.type === "datetime")
  )?.name;

function handler(resource: Resource, route: Route): string {
  const body = BODIES[route.kind](resource, route, constantOf(resource.model));
  const takesBody = ["create", "replace", "patch"].includes(route.kind);
  return `    {
      method: ${quoted(route.method)},
      path: ${quoted(route.path)},
${takesBody ? "      body: true,\n" : ""}${body
    .trim()
    .split("\n")
    .map((line) => (line === "" ? line : `      ${line}`))
    .join("\n")},
    },
`;
}

const keyOf = (resource: Resource, route: Route) => {
  if (resource.kind === "singleton") return `"document"`;
  const parameter = /\{(\w+)\}/.exec(route.path)?.[1] ?? "";
  return `params.${parameter}`;
};
const found = (resource: Resource, route: Route, model: string) =>
  `foundRecord(${model}, store, ${keyOf(resource, route)})`;
const hasUnique = (resource: Resource) => resource.model.fields.some((field) => field.unique === true);
const uniqueLine = (resource: Resource, model: string, own = "") =>
  hasUnique(resource) ? `\n    requireUnique(${model}, store, given${own});` : "";

type Body = (resource: Resource, route: Route, model: string) => string;
const BODIES: Record<Route["kind"], Body> = {
  health: () => "",
  list: (_resource, route, model) => listBody(route, model),
  search: (_resource, route, model) => listBody(route, model),
  create: (resource, route, model) => {
    const key = resource.key === "" ? "String(store.highest + 1)" : `String(record.${resource.key})`;
    const own =
      resource.key !== "" &&
      resource.model.fields.find((field) => field.name === resource.key)?.generated === undefined;
    return `
handle: async ({ body }) => {
  const given = checked(${model}, body);${own ? `\n  statedKey(String(given.${resource.key}));` : ""}
  const created = await store.change(() => {${uniqueLine(resource, model)}
    const record = newRecord(${model}, given, store);
    return { key: ${key}, record };
  });
  return { status: ${route.status}, body: created };
}`;
  },
  read: (resource, route, model) =>
    resource.kind === "singleton" && hasDefaults(resource)
      ? `handle: () => ({ body: store.records.get("document") ?? newRecord(${model}, checked(${model}, {}), store) })`
      : resource.kind === "singleton"
        ? `handle: () => ({ body: foundRecord(${model}, store, "document") })`
        : `handle: ({ params }) => ({ body: ${found(resource, route, model)} })`,
  replace: (resource, route, model) => {
    if (resource.kind === "collection") {
      return `
handle: async ({ params, body }) => {
  const given = checked(${model}, body);
  const changed = await store.change(() => {
    const record = ${found(resource, route, model)};${sameKeyLine(resource)}${uniqueLine(resource, model, ", record")}
    return { key: ${keyOf(resource, route)}, record: changedRecord(${model}, record, given) };
  });
  return { body: changed };
}`;
    }
    const keyed = resource.kind === "keyed";
    const withKey = keyed && resource.model.fields.some((field) => field.name === resource.key);
    const given = withKey ? `{ ...checked(${model}, body), ${resource.key}: key }` : `checked(${model}, body)`;
    return `
handle: async ({ ${keyed ? "params, " : ""}body }) => {
  const key = ${keyed ? `statedKey(${keyOf(resource, route)})` : keyOf(resource, route)};
  const given = ${given};
  const before = store.records.get(key);
  const stored = await store.change(() => {${uniqueLine(resource, model, ", store.records.get(key)")}
    const old = store.records.get(key);
    return { key, record: old ? changedRecord(${model}, old, given) : newRecord(${model}, given, store) };
  });
  return { status: before ? 200 : ${keyed ? 201 : 200}, body: stored };
}`;
  },
  patch: (resource, route, model) => {
    const old =
      resource.kind === "singleton" && hasDefaults(resource)
        ? `store.records.get("document") ?? newRecord(${model}, checked(${model}, {}), store)`
        : found(resource, route, model);
    return `
handle: async ({ ${resource.kind === "singleton" ? "" : "params, "}body }) => {
  const given = checked(${model}, body, { partial: true });
  const changed = await store.change(() => {
    const record = ${old};${sameKeyLine(resource)}${uniqueLine(resource, model, ", record")}
    return { key: ${keyOf(resource, route)}, record: changedRecord(${model}, record, given) };
  });
  return { body: changed };
}`;
  },
  delete: (resource, route, model) => `
handle: async (${resource.kind === "singleton" ? "" : "{ params }"}) => {
  await store.change(() => {
    ${found(resource, route, model)};
    return { key: ${keyOf(resource, route)} };
  });
  return { status: ${route.status} };
}`,
  random: (_resource, route, model) => `
handle: ({ query }) => {
  const { items } = select(store.records.values(), query, ${model}, ${optionsName(route)});
  if (items.length === 0) throw new HttpError(404, "there is nothing to choose from");
  return { body: items[randomInt(items.length)] };
}`,
  count: (_resource, route, model) => `
handle: ({ query }) => {
  const { total } = select(store.records.values(), query, ${model}, ${optionsName(route)});
  return { body: { ${route.count ?? "count"}: total } };
}`,
  stats: (_resource, route, model) => `
handle: ({ query }) => {
  const { items } = select(store.records.values(), query, ${model}, ${optionsName(route)});
  return {
    body: {
      ${route.stats?.total ?? "total"}: items.length,
${(route.stats?.groups ?? []).map(({ key, field }) => `      ${key}: countBy(items, ${quoted(field)}),\n`).join("")}    },
  };
}`,
  action: (resource, route, model) => {
    const { action } = route;
    const change =
      action === undefined
        ? "{}"
        : "add" in action
          ? `{ ${action.field}: record.${action.field} + 1 }`
          : `{ ${action.field}: ${source(action.value)} }`;
    return `
handle: async ({ params }) => {
  const changed = await store.change(() => {
    const record = ${found(resource, route, model)};
    return { key: ${keyOf(resource, route)}, record: changedRecord(${model}, record, ${change}) };
  });
  return { body: changed };
}`;
  },
  redirect: (resource, route, model) => {
    const target = `headers: { location: record.${route.redirect?.field ?? ""}, "cache-control": "no-store" }`;
    const counter = route.redirect?.counter;
    if (counter === undefined) {
      return `
handle: ({ params }) => {
  const record = ${found(resource, route, model)};
  return { status: ${route.status}, ${target} };
}`;
    }
    return `
handle: async ({ params }) => {
  const record = await store.change(() => {
    const before = ${found(resource, route, model)};
    return { key: ${keyOf(resource, route)}, record: { ...before, ${counter}: before.${counter} + 1 } };
  });
  return { status: ${route.status}, ${target} };
}`;
  },
};

const sameKeyLine = (resource: Resource) =>
  resource.kind === "collection" &&
  resource.model.fields.some((field) => field.name === resource.key && field.generated === undefined)
    ? `\n    sameKey(given, ${quoted(resource.key)}, record);`
    : "";

/** True if a document can be answered before it was ever written: every field has a default or may be empty. */
export const hasDefaults = (resource: Resource) =>
  resource.model.fields.every((field) => !field.required || field.default !== undefined);

function listBody(route: Route, model: string): string {
  const shape = route.list?.shape ?? "array";
  if (shape === "array") {
    return `handle: ({ query }) => ({ body: select(store.records.values(), query, ${model}, ${optionsName(route)}).items })`;
  }
  return `
handle: ({ query }) => {
  const page = select(store.records.values(), query, ${model}, ${optionsName(route)});
  return { body: { ${[`${shape.items}: page.items`, ...Object.entries(shape.numbers).map(([key, what]) => `${key}: page.${what}`)].join(", ")} } };
}`;
}
