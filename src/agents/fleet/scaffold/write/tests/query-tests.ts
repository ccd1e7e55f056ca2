import type { Resource, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { quoted } from "#agents/fleet/scaffold/write/text.ts";
import { inOrder, itemsOf, sendable } from "./list-source.ts";

export type Case = { title: string; body: string };

/** The tests of a list's query parameters: filters, search, times, pages, order. */
export function queryCases(resource: Resource, route: Route): Case[] {
  const { list } = route;
  if (list === undefined) return [];
  const shows = route.kind === "list" || route.kind === "search";
  const prefix = `${route.path}?${route.kind === "search" ? `${list.search?.parameter ?? "q"}=1&` : ""}`;
  const cases: Case[] = [
    {
      title: titleOf.query(route),
      body: `assert.equal((await call("GET", ${quoted(`${prefix}no_such_parameter=1`)})).status, 400);`,
    },
  ];
  if (list.filters.length > 0)
    cases.push({
      title: titleOf.filters(route),
      body: list.filters
        .map((name) => filterBody(resource, route, name, prefix))
        .join("\n")
        .replace(/^/, "const stored = await storeAll(call);\n"),
    });
  if (!shows) return cases;
  if (list.search !== undefined && route.kind === "list")
    cases.push({ title: titleOf.search(route), body: searchBody(resource, route) });
  const all = `(await call("GET", ${quoted(route.kind === "search" ? prefix.slice(0, -1) : route.path)}))`;
  if (list.since !== undefined || list.until !== undefined) {
    cases.push({
      title: titleOf.times(route),
      body: `await storeAll(call);
${
  list.since === undefined
    ? ""
    : `assert.equal(${itemsOf(route, `(await call("GET", ${quoted(`${prefix}${list.since}=1970-01-01`)}))`)}.length, 3);
assert.equal(${itemsOf(route, `(await call("GET", ${quoted(`${prefix}${list.since}=2999-01-01T00:00:00Z`)}))`)}.length, 0);\n`
}${list.until === undefined ? "" : `assert.equal(${itemsOf(route, `(await call("GET", ${quoted(`${prefix}${list.until}=1970-01-01`)}))`)}.length, 0);\n`}assert.equal((await call("GET", ${quoted(`${prefix}${list.since ?? list.until ?? ""}=yesterday`)})).status, 400);`,
    });
  }
  if (list.limit !== undefined || list.offset !== undefined) {
    const limit = list.limit;
    cases.push({
      title: titleOf.pages(route),
      body: `await storeAll(call);
const all = ${itemsOf(route, all)};
${
  limit === undefined
    ? ""
    : `assert.deepEqual(${itemsOf(route, `(await call("GET", ${quoted(`${prefix}${limit.parameter}=1`)}))`)}, all.slice(0, 1));
for (const wrong of ["0", "x", "${limit.max + 1}"]) assert.equal((await call("GET", ${quoted(`${prefix}${limit.parameter}=`)} + wrong)).status, 400);\n`
}${
        list.offset === undefined
          ? ""
          : `assert.deepEqual(${itemsOf(route, `(await call("GET", ${quoted(`${prefix}${list.offset}=1`)}))`)}, all.slice(1));
assert.equal((await call("GET", ${quoted(`${prefix}${list.offset}=-1`)})).status, 400);\n`
      }`,
    });
  }
  const sortable = sendable(resource).find((field) =>
    ["string", "integer", "number", "date", "datetime", "slug", "email", "url"].includes(field.type),
  );
  if (list.sort !== undefined && sortable !== undefined) {
    cases.push({
      title: titleOf.order(route),
      body: `await storeAll(call);
const names = (answer) => ${itemsOf(route, "answer")}.map((record) => record.${sortable.name});
const rising = names(await call("GET", ${quoted(`${prefix}${list.sort}=${sortable.name}`)}));
const sorted = rising.toSorted((a, b) => (a < b ? -1 : a > b ? 1 : 0));
assert.deepEqual(rising, sorted);
assert.deepEqual(names(await call("GET", ${quoted(`${prefix}${list.sort}=-${sortable.name}`)})), sorted.toReversed());
assert.equal((await call("GET", ${quoted(`${prefix}${list.sort}=no_such_field`)})).status, 400);`,
    });
  }
  return cases;
}

export function searchBody(resource: Resource, route: Route): string {
  const searched = sendable(resource).filter((one) => route.list?.search?.fields?.includes(one.name) ?? true);
  const field =
    searched.find((one) => one.type === "string" && one.choices === undefined) ??
    searched.find((one) => ["email", "url", "slug", "string"].includes(one.type));
  const parameter = route.list?.search?.parameter ?? "q";
  const required =
    route.list?.search?.required === true
      ? `\nassert.equal((await call("GET", ${quoted(route.path)})).status, 400);`
      : "";
  return `const stored = await storeAll(call);
const words = encodeURIComponent(BODIES[1].${field?.name ?? ""}.toUpperCase());
const answer = await call("GET", ${quoted(`${route.path}?${parameter}=`)} + words);
assert.equal(answer.status, 200);
assert.ok(${itemsOf(route, "answer")}.some((record) => JSON.stringify(record) === JSON.stringify(stored[1])));
assert.deepEqual(${itemsOf(route, `(await call("GET", ${quoted(`${route.path}?${parameter}=no-such-words-anywhere`)}))`)}, []);${required}`;
}

function filterBody(resource: Resource, route: Route, name: string, prefix: string): string {
  const field = resource.model.fields.find((one) => one.name === name);
  const type = field?.type ?? "string";
  const isList = type === "strings" || type === "integers" || type === "numbers";
  const wanted = isList ? `stored[0].${name}[0]` : `stored[0].${name}`;
  const keeps = isList ? `record.${name}.includes(${wanted})` : `record.${name} === ${wanted}`;
  const ask = `(await call("GET", ${quoted(`${prefix}${name}=`)} + encodeURIComponent(${wanted})))`;
  const wrong =
    ["string", "strings", "object", "integers", "numbers"].includes(type) && field?.choices === undefined
      ? ""
      : `\nassert.equal((await call("GET", ${quoted(`${prefix}${name}=none%20of%20these`)})).status, 400);`;
  const number = `stored.filter((record) => ${keeps}).length`;
  switch (route.kind) {
    case "count":
      return `assert.equal(${ask}.body.${route.count ?? "count"}, ${number});${wrong}`;
    case "stats":
      return `assert.equal(${ask}.body.${route.stats?.total ?? "total"}, ${number});${wrong}`;
    case "random":
      return `assert.ok(${isList ? `${ask}.body.${name}.includes(${wanted})` : `${ask}.body.${name} === ${wanted}`});${wrong}`;
    case "search":
      return `assert.ok(${itemsOf(route, ask)}.every((record) => ${keeps}));${wrong}`;
    default:
      return `assert.deepEqual(${itemsOf(route, ask)}, ${inOrder(route, `stored.filter((record) => ${keeps})`)});${wrong}`;
  }
}
