import type { Field, Plan, Resource, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { badSamples, sample } from "#agents/fleet/scaffold/plan/samples.ts";
import { titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { hasDefaults, routesOf } from "#agents/fleet/scaffold/write/routes-js.ts";
import { quoted, source } from "#agents/fleet/scaffold/write/text.ts";
import { inOrder, itemsOf, sendable } from "./list-source.ts";
import { queryCases, searchBody, type Case } from "./query-tests.ts";

const UNKNOWN = "nothing-here";

/** BUILD/tests/<name>.test.js: each route of one resource, through the running service. */
export function resourceTestJs(plan: Plan, resource: Resource): string {
  const routes = routesOf(plan, resource);
  const cases = routes.flatMap((route) => casesOf(resource, route, routes));
  const bodies = [0, 1, 2].map((at) =>
    Object.fromEntries(
      sendable(resource).map((field) => [field.name, sample(field, at, { isKey: field.name === resource.key })]),
    ),
  );
  const text = cases
    .map(
      ({ title, body }) =>
        `\ntest(${quoted(title)}, async (t) => {\n  const call = await start(t);\n${indent(body)}\n});\n`,
    )
    .join("");
  const bad = badSamples(resource.model).map(
    ({ why, field, value }) =>
      `  [${quoted(why)}, ${value === null ? `without(${quoted(field)})` : `{ ...BODIES[0], ${field}: ${value} }`}],\n`,
  );
  const without = bad.some((line) => line.includes("without("))
    ? `
const without = (name) => Object.fromEntries(Object.entries(BODIES[0]).filter(([key]) => key !== name));
`
    : "";
  const invalid = `${without}
/** What must be refused, and why. */
const INVALID = [
${bad.join("")}  ["a field is not known", { ...BODIES[0], noSuchField: 1 }],
  ["the body is no object", []],
];
`;
  const uses = (name: string) => new RegExp(`\\b${name}\\b`).test(text);
  return `import assert from "node:assert/strict";
import { test } from "node:test";
import { start } from "./helpers.js";

/** Valid bodies; the first is the one of the spec's example where there is one. */
const BODIES = ${source(bodies)};
/** All fields of an answer. */
const FIELDS = ${source(resource.model.fields.map((field) => field.name))};
${uses("INVALID") ? invalid : ""}
${uses("storeAll") ? storeAll(resource) : ""}/** An answer has exactly the stated fields, and in them what was sent. */
function assertStored(record, sent) {
  assert.deepEqual(Object.keys(record), FIELDS);
  for (const [name, value] of Object.entries(sent)) assert.deepEqual(record[name], value, name);
}
${text}`;
}

const indent = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => (line === "" ? line : `  ${line}`))
    .join("\n");

const storeAll = (resource: Resource) =>
  resource.kind === "keyed"
    ? `/** Stores all bodies, each under its key, and returns what was answered. */
async function storeAll(call) {
  const stored = [];
  for (const [at, body] of BODIES.entries()) stored.push((await call("PUT", ${quoted(`${resource.path}/`)} + "key-" + at, body)).body);
  return stored;
}

`
    : `/** Stores all bodies and returns what was answered. */
async function storeAll(call) {
  const stored = [];
  for (const body of BODIES) stored.push((await call("POST", ${quoted(resource.path)}, body)).body);
  return stored;
}

`;

/** The path of a record, as source: of the variable `record`, or of a fixed key. */
function pathTo(resource: Resource, route: Route, record: string): string {
  if (resource.kind === "singleton") return quoted(route.path);
  const [before = "", after = ""] = route.path.split(/\{\w+\}/);
  const key = resource.kind === "keyed" ? quoted("key-0") : `${record}.${resource.key}`;
  return `${quoted(before)} + ${key}${after === "" ? "" : ` + ${quoted(after)}`}`;
}

const unknownPath = (route: Route) => quoted(route.path.replace(/\{\w+\}/, UNKNOWN));

/** Source that stores BODIES[0] and names the answer `first`. */
function storeFirst(resource: Resource, routes: Route[]): string {
  if (resource.kind === "collection")
    return `const { body: first } = await call("POST", ${quoted(resource.path)}, BODIES[0]);`;
  if (resource.kind === "keyed")
    return `const { body: first } = await call("PUT", ${quoted(`${resource.path}/key-0`)}, BODIES[0]);`;
  const method = routes.some((route) => route.kind === "replace") ? "PUT" : "PATCH";
  return `const { body: first } = await call(${quoted(method)}, ${quoted(resource.path)}, BODIES[0]);`;
}

function casesOf(resource: Resource, route: Route, routes: Route[]): Case[] {
  const works = { title: titleOf.works(route), body: BODIES[route.kind](resource, route, routes) };
  const cases = [works];
  const takesBody = route.kind === "create" || route.kind === "replace" || route.kind === "patch";
  if (takesBody) cases.push({ title: titleOf.invalid(route), body: invalidBody(resource, route, routes) });
  const unique = resource.model.fields.filter((field) => field.unique === true && field.generated === undefined);
  if (takesBody && unique.length > 0 && resource.kind !== "singleton") {
    const body = uniqueBody(resource, route, unique);
    if (body !== null) cases.push({ title: titleOf.unique(route), body });
  }
  return [...cases, ...queryCases(resource, route)];
}

function invalidBody(resource: Resource, route: Route, routes: Route[]): string {
  const target = route.kind === "create" ? quoted(route.path) : pathTo(resource, route, "first");
  const stored = route.kind === "create" ? "" : `${storeFirst(resource, routes)}\n`;
  const skip = route.kind === "patch" ? `  if (why.endsWith("is missing")) continue;\n` : "";
  return `${stored.replace("const { body: first } = ", target.includes("first.") ? "const { body: first } = " : "")}for (const [why, body] of INVALID) {
${skip}  const answer = await call(${quoted(route.method)}, ${target}, body);
  assert.equal(answer.status, 400, why);
  assert.equal(typeof answer.body.error, "string", why);
  if (!Array.isArray(body)) assert.ok(answer.body.details.length > 0, why);
}`;
}

function uniqueBody(resource: Resource, route: Route, unique: Field[]): string | null {
  if (route.kind === "create") {
    return `assert.equal((await call("POST", ${quoted(route.path)}, BODIES[0])).status, ${route.status});
${unique
  .map(
    (
      field,
    ) => `const ${field.name}Taken = await call("POST", ${quoted(route.path)}, { ...BODIES[1], ${field.name}: BODIES[0].${field.name} });
assert.equal(${field.name}Taken.status, 409, ${quoted(field.name)});`,
  )
  .join("\n")}`;
  }
  const others = unique.filter((field) => field.name !== resource.key);
  const other = others[0];
  if (other === undefined) {
    return `const [first, second] = await storeAll(call);
const answer = await call(${quoted(route.method)}, ${pathTo(resource, route, "first")}, { ...BODIES[0], ${resource.key}: second.${resource.key} });
assert.equal(answer.status, 400, "the key cannot be changed");`;
  }
  if (resource.kind === "keyed") {
    return `await storeAll(call);
const answer = await call(${quoted(route.method)}, ${quoted(`${resource.path}/key-0`)}, { ...BODIES[0], ${other.name}: BODIES[1].${other.name} });
assert.equal(answer.status, 409);`;
  }
  return `const [first, second] = await storeAll(call);
const taken = { ...BODIES[0], ${other.name}: second.${other.name} };
assert.equal((await call(${quoted(route.method)}, ${pathTo(resource, route, "first")}, taken)).status, 409);
assert.equal((await call(${quoted(route.method)}, ${pathTo(resource, route, "first")}, BODIES[0])).status, 200, "its own value is not taken");`;
}

const BODIES: Record<Route["kind"], (resource: Resource, route: Route, routes: Route[]) => string> = {
  health: () => "",
  list: (resource, route, routes) => {
    const shape = route.list?.shape ?? "array";
    const numbers = shape === "array" ? [] : Object.entries(shape.numbers).filter(([, what]) => what === "total");
    return `assert.deepEqual(${itemsOf(route, `(await call("GET", ${quoted(route.path)}))`)}, []);
const stored = await storeAll(call);
${countOne(resource, route, routes)}const answer = await call("GET", ${quoted(route.path)});
assert.equal(answer.status, 200);
assert.deepEqual(${itemsOf(route, "answer")}, ${inOrder(route, "stored")});${numbers.map(([key]) => `\nassert.equal(answer.body.${key}, 3);`).join("")}`;
  },
  search: (resource, route) => searchBody(resource, route),
  create: (resource, route) => `const answer = await call("POST", ${quoted(route.path)}, BODIES[0]);
assert.equal(answer.status, ${route.status});
assertStored(answer.body, BODIES[0]);${generatedChecks(resource)}`,
  read: (resource, route, routes) => {
    if (resource.kind === "singleton") {
      const before = hasDefaults(resource)
        ? `assert.equal((await call("GET", ${quoted(route.path)})).status, 200, "the defaults are there before anything is written");`
        : `assert.equal((await call("GET", ${quoted(route.path)})).status, 404);`;
      return `${before}
${storeFirst(resource, routes)}
assertStored(first, BODIES[0]);
assert.deepEqual((await call("GET", ${quoted(route.path)})).body, first);`;
    }
    return `${storeFirst(resource, routes)}
const answer = await call("GET", ${pathTo(resource, route, "first")});
assert.equal(answer.status, 200);
assert.deepEqual(answer.body, first);
assertStored(answer.body, BODIES[0]);
assert.equal((await call("GET", ${unknownPath(route)})).status, 404);`;
  },
  replace: (resource, route, routes) => {
    const key = ownKey(resource);
    const sent = key === null ? "BODIES[1]" : `{ ...BODIES[1], ${key}: BODIES[0].${key} }`;
    const missing =
      resource.kind === "collection"
        ? `\nassert.equal((await call("PUT", ${unknownPath(route)}, BODIES[2])).status, 404);`
        : "";
    if (resource.kind === "collection") {
      return `${storeFirst(resource, routes)}
const sent = ${sent};
const answer = await call("PUT", ${pathTo(resource, route, "first")}, sent);
assert.equal(answer.status, 200);
assertStored({ ...first, ...answer.body }, sent);${missing}${readsBack(resource, routes, "answer.body")}`;
    }
    return `const first = await call("PUT", ${pathTo(resource, route, "first")}, BODIES[0]);
assert.equal(first.status, ${resource.kind === "keyed" ? 201 : 200});
assertStored(first.body, BODIES[0]);
const answer = await call("PUT", ${pathTo(resource, route, "first")}, BODIES[1]);
assert.equal(answer.status, 200);
assertStored(answer.body, BODIES[1]);${resource.kind === "keyed" ? `\nassert.equal((await call("PUT", ${quoted(`${resource.path}/no%20key%21`)}, BODIES[0])).status, 400);` : ""}${readsBack(resource, routes, "answer.body")}`;
  },
  patch: (resource, route, routes) => {
    const field = sendable(resource).find((one) => one.name !== resource.key);
    const sent = field === undefined ? "{}" : `{ ${field.name}: BODIES[1].${field.name} }`;
    const missing =
      resource.kind === "singleton"
        ? ""
        : `\nassert.equal((await call("PATCH", ${unknownPath(route)}, sent)).status, 404);`;
    return `${storeFirst(resource, routes)}
const sent = ${sent};
const answer = await call("PATCH", ${pathTo(resource, route, "first")}, sent);
assert.equal(answer.status, 200);
assertStored(answer.body, { ...BODIES[0], ...sent });${missing}${readsBack(resource, routes, "answer.body")}${first("answer.body", resource)}`;
  },
  delete: (resource, route, routes) => {
    const read = routes.find((one) => one.kind === "read");
    const gone =
      read === undefined
        ? ""
        : resource.kind === "singleton" && hasDefaults(resource)
          ? `\nassert.equal((await call("GET", ${pathTo(resource, read, "first")})).status, 200, "the defaults are back");`
          : `\nassert.equal((await call("GET", ${pathTo(resource, read, "first")})).status, 404);`;
    const target = pathTo(resource, route, "first");
    const needs = target.includes("first.") || gone.includes("first.");
    const store = needs
      ? storeFirst(resource, routes)
      : storeFirst(resource, routes).replace("const { body: first } = ", "");
    return `${store}
const answer = await call("DELETE", ${target});
assert.equal(answer.status, ${route.status});${gone}
assert.equal((await call("DELETE", ${target})).status, 404);`;
  },
  random: (_resource, route) => `assert.equal((await call("GET", ${quoted(route.path)})).status, 404);
const stored = await storeAll(call);
const seen = new Set();
for (let count = 0; count < 40; count++) {
  const answer = await call("GET", ${quoted(route.path)});
  assert.equal(answer.status, 200);
  seen.add(stored.findIndex((record) => JSON.stringify(record) === JSON.stringify(answer.body)));
}
assert.ok(seen.size > 1 && !seen.has(-1), "one of the stored records, not always the same");`,
  count: (
    _resource,
    route,
  ) => `assert.deepEqual((await call("GET", ${quoted(route.path)})).body, { ${route.count ?? "count"}: 0 });
await storeAll(call);
assert.deepEqual((await call("GET", ${quoted(route.path)})).body, { ${route.count ?? "count"}: 3 });`,
  stats: (_resource, route) =>
    `const stored = await storeAll(call);
const countBy = (name) => {
  const counts = {};
  for (const value of stored.flatMap((record) => record[name] ?? [])) counts[value] = (counts[value] ?? 0) + 1;
  return counts;
};
const answer = await call("GET", ${quoted(route.path)});
assert.equal(answer.status, 200);
assert.deepEqual(answer.body, {
  ${route.stats?.total ?? "total"}: 3,
${(route.stats?.groups ?? []).map(({ key, field }) => `  ${key}: countBy(${quoted(field)}),\n`).join("")}});`
      .replace(/const countBy[\s\S]*?\n};\n/, (text) => (route.stats?.groups.length ? text : ""))
      .replace(/^const stored = (?=[\s\S]*$)/, route.stats?.groups.length ? "const stored = " : ""),
  action: (resource, route, routes) => {
    const { action } = route;
    const field = action?.field ?? "";
    const value = action !== undefined && "value" in action ? source(action.value) : "1";
    const again =
      action !== undefined && "add" in action
        ? `\nassert.equal((await call(${quoted(route.method)}, ${pathTo(resource, route, "first")})).body.${field}, 2);`
        : readsBack(resource, routes, "answer.body");
    return `${storeFirst(resource, routes)}
const answer = await call(${quoted(route.method)}, ${pathTo(resource, route, "first")});
assert.equal(answer.status, 200);
assert.deepEqual(answer.body.${field}, ${value});
assert.deepEqual(Object.keys(answer.body), FIELDS);
assert.equal((await call(${quoted(route.method)}, ${unknownPath(route)})).status, 404);${again}`;
  },
  redirect: (resource, route, routes) => {
    const read = routes.find((one) => one.kind === "read");
    const counter = route.redirect?.counter;
    const counted =
      counter === undefined || read === undefined
        ? ""
        : `\nassert.equal((await call("GET", ${pathTo(resource, read, "first")})).body.${counter}, 1);`;
    return `${storeFirst(resource, routes)}
const answer = await call("GET", ${pathTo(resource, route, "first")});
assert.equal(answer.status, ${route.status});
assert.equal(answer.headers.get("location"), BODIES[0].${route.redirect?.field ?? ""});
assert.equal((await call("GET", ${unknownPath(route)})).status, 404);${counted}`;
  },
};

/** A list in the order of a counter shows its order only when one was counted. */
function countOne(resource: Resource, route: Route, routes: Route[]): string {
  const counts = routes.find(
    ({ action }) => action !== undefined && "add" in action && action.field === route.list?.orderBy?.field,
  );
  if (counts === undefined) return "";
  return `stored[1] = (await call(${quoted(counts.method)}, ${pathTo(resource, counts, "stored[1]")})).body;\n`;
}

const ownKey = (resource: Resource) => {
  const key = resource.model.fields.find((field) => field.name === resource.key);
  return resource.kind === "collection" && key !== undefined && key.generated === undefined ? key.name : null;
};

function readsBack(resource: Resource, routes: Route[], record: string): string {
  const read = routes.find((one) => one.kind === "read");
  return read === undefined
    ? ""
    : `\nassert.deepEqual((await call("GET", ${pathTo(resource, read, resource.kind === "collection" ? record : "first")})).body, ${record});`;
}

/** A time of the last change does not go back, and the first time stays. */
function first(record: string, resource: Resource): string {
  return resource.model.fields
    .filter((field) => field.generated === "created" || field.generated === "updated")
    .map((field) =>
      field.generated === "created"
        ? `\nassert.equal(${record}.${field.name}, first.${field.name});`
        : `\nassert.ok(${record}.${field.name} >= first.${field.name});`,
    )
    .join("");
}

function generatedChecks(resource: Resource): string {
  const shapes = {
    uuid: "/^[0-9a-f-]{36}$/",
    code: "/^[a-z0-9]+$/",
    created: "/^\\d{4}-.*Z$/",
    updated: "/^\\d{4}-.*Z$/",
  };
  return resource.model.fields
    .map((field) => {
      if (field.generated === "sequence") return `\nassert.equal(answer.body.${field.name}, 1);`;
      if (field.generated === "counter") return `\nassert.equal(answer.body.${field.name}, 0);`;
      const shape = field.generated === undefined || field.generated === "path" ? undefined : shapes[field.generated];
      return shape === undefined ? "" : `\nassert.match(answer.body.${field.name}, ${shape});`;
    })
    .join("");
}
