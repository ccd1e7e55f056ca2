import type { Json, ListOptions, ListShape, Resource, Route, RouteKind } from "#agents/fleet/scaffold/plan/plan.ts";
import type { Endpoint } from "#agents/fleet/scaffold/read/endpoints.ts";
import { camel, pascal } from "#agents/fleet/scaffold/read/names.ts";
import type { Reason } from "#agents/fleet/scaffold/read/sections.ts";
import { problemsOfExample } from "./example.ts";
import { ofItem, parameterOf } from "./resources.ts";

const isObject = (value: Json | undefined): value is { [key: string]: Json } =>
  typeof value === "object" && value !== null && !Array.isArray(value);
const ONLY_STORES = "I only store and serve data";

/** Gives each endpoint its one meaning, by method and path; what has none is a problem. */
export function findRoutes(endpoints: Endpoint[], resources: Resource[], problems: Reason[]): Route[] {
  const routes: Route[] = [];
  for (const endpoint of endpoints) {
    const route = findRoute(endpoint, resources);
    if (typeof route === "string")
      problems.push({ line: endpoint.line, message: `${endpoint.method} ${endpoint.path}: ${route}` });
    else routes.push(route);
  }
  if (!routes.some((route) => route.kind === "health")) {
    routes.unshift({ method: "GET", path: "/health", kind: "health", resource: null, status: 200, line: 0 });
  }
  for (const resource of resources) {
    const of = routes.filter((route) => route.resource === resource);
    const served = of.some((route) =>
      ["list", "read", "random", "count", "stats", "search", "redirect"].includes(route.kind),
    );
    if (!served)
      problems.push({
        line: of[0]?.line ?? resource.model.line,
        message: `${resource.path} is written and never read: ${ONLY_STORES}; add a GET`,
      });
  }
  return routes;
}

function findRoute(endpoint: Endpoint, resources: Resource[]): Route | string {
  const { method, path } = endpoint;
  const base = { method: method as Route["method"], path, line: endpoint.line, resource: null };
  if (path === "/health")
    return method === "GET" ? { ...base, kind: "health", status: 200 } : "only GET /health is known";
  const make = (kind: RouteKind, resource: Resource, more: Partial<Route> = {}): Route => ({
    ...base,
    kind,
    resource,
    status: kind === "create" ? 201 : kind === "delete" ? 204 : 200,
    ...more,
  });
  const exact = resources.find((one) => one.path === path);
  if (exact !== undefined) {
    if (exact.kind === "singleton") {
      const kinds: Record<string, RouteKind> = { GET: "read", PUT: "replace", PATCH: "patch", DELETE: "delete" };
      return make(kinds[method] ?? "read", exact);
    }
    if (method === "GET") return make("list", exact, { list: emptyList() });
    if (method === "POST" && exact.kind === "collection") return make("create", exact);
    return "only GET and POST mean something on a whole collection";
  }
  const item = resources.find((one) => one.kind !== "singleton" && ofItem(one, endpoint));
  if (item !== undefined) {
    if (method === "GET" && redirects(endpoint)) return redirect(make("redirect", item), endpoint);
    const kinds: Record<string, RouteKind> = { GET: "read", PUT: "replace", PATCH: "patch", DELETE: "delete" };
    const kind = kinds[method];
    return kind === undefined
      ? "POST on one record means nothing to me: use PUT, PATCH or an action such as POST /tasks/{id}/complete"
      : make(kind, item);
  }
  const word = path.split("/").at(-1) ?? "";
  const above = path.slice(0, -word.length - 1);
  const record = resources.find((one) => one.kind === "collection" && ofItem(one, { path: above }));
  if (record !== undefined && method !== "GET" && method !== "DELETE") return make("action", record);
  if (record !== undefined && method === "GET" && /^(stats|info|details)$/.test(word)) return make("read", record);
  if (method === "GET") {
    const prefix = (one: Resource) => one.path.slice(0, -one.name.length - 1);
    const collections = resources.filter((one) => one.kind !== "singleton");
    const of =
      collections.find((one) => one.path === above) ??
      (collections.length === 1 && prefix(collections[0] as Resource) === above ? collections[0] : undefined);
    if (of !== undefined) {
      if (/^(random|any|pick)$/.test(word)) return make("random", of, { list: emptyList() });
      if (/^(count|total)$/.test(word)) return make("count", of, { list: emptyList(), count: "count" });
      if (/^(stats|statistics|summary|counts)$/.test(word))
        return make("stats", of, { list: emptyList(), stats: { total: "total", groups: [] } });
      if (/^(search|find)$/.test(word)) return make("search", of, { list: emptyList() });
    }
    const parameter = parameterOf(path);
    const target =
      collections.find((one) => one.key === parameter && parameter !== "") ??
      (collections.length === 1 && collections[0]?.key !== "" ? collections[0] : undefined);
    if (redirects(endpoint) && target !== undefined && word === `{${parameter}}`)
      return redirect(make("redirect", target), endpoint);
  }
  if (method === "POST")
    return `nothing that I know: ${ONLY_STORES}, and this is neither a collection nor an action on a stored record`;
  return `nothing that I know: ${ONLY_STORES}, and no stored collection or document is at this path`;
}

const emptyList = (): ListOptions => ({ filters: [], order: "oldest", shape: "array" });
const redirects = (endpoint: Endpoint) =>
  endpoint.says.some(({ text }) => /\bredirect/i.test(text)) ||
  endpoint.statuses.some((status) => [301, 302, 303, 307, 308].includes(status));

function redirect(route: Route, endpoint: Endpoint): Route | string {
  const urls = route.resource?.model.fields.filter((field) => field.type === "url") ?? [];
  const named = urls.filter((field) => endpoint.says.some(({ text }) => text.includes(`\`${field.name}\``)));
  const field = urls.length === 1 ? urls[0] : named.length === 1 ? named[0] : undefined;
  return field === undefined
    ? "redirects, but not to one stored field of type url"
    : { ...route, status: 302, redirect: { field: field.name } };
}

/** Query parameters by name: a field is a filter; limit, offset, sort, q, since and until are what they say. */
export function applyQuery(route: Route, names: string[], problems: Reason[], line: number): void {
  const { list, resource } = route;
  if (names.length === 0) return;
  if (list === undefined || resource === null) {
    problems.push({ line, message: `${route.method} ${route.path} takes no query parameters` });
    return;
  }
  for (const name of names) {
    const field = resource.model.fields.find((one) => one.name === name);
    const time =
      resource.model.fields.find((one) => one.generated === "created") ??
      resource.model.fields.find((one) => one.type === "datetime");
    if (field !== undefined && field.type !== "object") list.filters = [...new Set([...list.filters, name])];
    else if (/^(limit|per_page|perPage|page_size|pageSize)$/.test(name))
      list.limit ??= { parameter: name, default: 50, max: 200 };
    else if (/^(offset|skip)$/.test(name)) list.offset = name;
    else if (/^(q|query|search)$/.test(name)) list.search = { parameter: name, required: route.kind === "search" };
    else if (/^(sort|sort_by|sortBy)$/.test(name)) list.sort = name;
    else if (/^(since|from|after)$/.test(name) && time !== undefined) list.since = name;
    else if (/^(until|to|before)$/.test(name) && time !== undefined) list.until = name;
    else
      problems.push({
        line,
        message: `${route.method} ${route.path}: the query parameter ${JSON.stringify(name)} is neither a field of ${resource.model.name} nor one of limit, offset, q, sort, since, until`,
      });
  }
}

/** Takes the shapes of answers from the examples, and holds every example against what the route really does. */
export function applyExamples(route: Route, endpoint: Endpoint, problems: Reason[]): void {
  const { resource } = route;
  const wrong = (line: number, message: string) =>
    problems.push({ line, message: `${route.method} ${route.path}: ${message}` });
  if (endpoint.request !== undefined) {
    if (resource === null || route.kind === "action") wrong(endpoint.request.line, "takes no body");
    else
      for (const what of problemsOfExample(resource.model, endpoint.request.value, { partial: route.kind === "patch" }))
        wrong(endpoint.request.line, `the example body ${what}`);
  }
  for (const response of endpoint.responses) {
    const status = response.status ?? route.status;
    if (status >= 400) {
      const keys = isObject(response.value) ? Object.keys(response.value) : ["?"];
      if (
        !keys.includes("error") ||
        keys.some((key) => key !== "error" && key !== "details") ||
        !isObject(response.value) ||
        typeof response.value["error"] !== "string"
      ) {
        wrong(response.line, 'my errors look like {"error": "what is wrong", "details": ["…"]}: write the example so');
      }
      continue;
    }
    const made = madeUp(route, endpoint, response.value);
    if (made !== null) wrong(response.line, made);
    const problem = applyAnswer(route, response.value);
    if (problem !== null) wrong(response.line, problem);
  }
}

/** A value in the answer to a write that was not sent, is no default and is not generated would have to be computed. */
function madeUp(route: Route, endpoint: Endpoint, answer: Json): string | null {
  const sent = endpoint.request?.value;
  if (!["create", "replace"].includes(route.kind) || !isObject(sent) || !isObject(answer)) return null;
  for (const field of route.resource?.model.fields ?? []) {
    if (field.generated !== undefined || !Object.hasOwn(answer, field.name)) continue;
    const stored = (Object.hasOwn(sent, field.name) ? sent[field.name] : null) ?? field.default ?? null;
    if (JSON.stringify(stored) !== JSON.stringify(answer[field.name])) {
      return `the example answer has another ${field.name} than the request: ${ONLY_STORES}, I compute nothing`;
    }
  }
  return null;
}

function applyAnswer(route: Route, value: Json): string | null {
  const { resource, kind } = route;
  if (kind === "health") {
    const known =
      isObject(value) &&
      value["status"] === "ok" &&
      Object.keys(value).every((key) => key === "status" || key === "service");
    return known ? null : 'GET /health answers {"status": "ok", "service": "…"}: write the example so';
  }
  if (resource === null || kind === "delete" || kind === "redirect") return "answers without a body";
  if (kind === "list" || kind === "search") {
    const shape = shapeOf(value, resource);
    if (typeof shape === "string") return shape;
    if (route.list !== undefined) route.list.shape = shape.shape;
    return shape.items.map((item) => itemProblem(resource, item)).find((problem) => problem !== null) ?? null;
  }
  if (kind === "count") {
    const [key, ...more] = isObject(value) ? Object.keys(value) : [];
    if (key === undefined || more.length > 0 || !/^[A-Za-z]\w{0,30}$/.test(key)) return 'a count answers {"count": 3}';
    route.count = key;
    return null;
  }
  if (kind === "stats") return applyStats(route, resource, value);
  return itemProblem(resource, value);
}

function applyStats(route: Route, resource: Resource, value: Json): string | null {
  if (!isObject(value) || route.stats === undefined) return 'counts answer {"total": 3, "byType": {"click": 3}}';
  for (const [key, shown] of Object.entries(value)) {
    const field = resource.model.fields.find((one) =>
      [one.name, `by_${one.name}`, camel(`by ${one.name}`), camel(`per ${one.name}`)].includes(key),
    );
    if (typeof shown === "number" && /^(total|count)$/.test(key)) route.stats.total = key;
    else if (isObject(shown) && field !== undefined && Object.values(shown).every((number) => Number.isInteger(number)))
      addGroup(route, field.name, key);
    else
      return `${JSON.stringify(key)} is neither the total nor a count by a field of ${resource.model.name}: ${ONLY_STORES}, and count it`;
  }
  return null;
}

export function addGroup(route: Route, field: string, key: string = `by${pascal(field)}`): void {
  if (route.stats !== undefined && !route.stats.groups.some((group) => group.field === field))
    route.stats.groups.push({ key, field });
}

function shapeOf(value: Json, resource: Resource): { shape: ListShape; items: Json[] } | string {
  if (Array.isArray(value)) return { shape: "array", items: value };
  if (!isObject(value)) return "a list answers with an array";
  const numbers: Record<string, "total" | "limit" | "offset"> = {};
  let items: string | null = null;
  for (const [key, shown] of Object.entries(value)) {
    if (Array.isArray(shown) && items === null && /^[A-Za-z]\w{0,30}$/.test(key)) items = key;
    else if (/^(total|count)$/.test(key) && typeof shown === "number") numbers[key] = "total";
    else if (/^(limit|offset)$/.test(key) && typeof shown === "number") numbers[key] = key as "limit" | "offset";
    else
      return `${JSON.stringify(key)} in the answer is neither the list of ${resource.name} nor total, count, limit or offset`;
  }
  const list = items === null ? undefined : value[items];
  return items === null || !Array.isArray(list)
    ? "the answer shows no list"
    : { shape: { items, numbers }, items: list };
}

/** An answer shows the whole record: nothing that is not stored, and nothing that is always stored left out. */
function itemProblem(resource: Resource, value: Json): string | null {
  if (!isObject(value)) return `answers one ${resource.model.name} as a JSON object`;
  const problem = problemsOfExample(resource.model, value, { partial: true })[0];
  if (problem !== undefined) return `the example answer ${problem}: ${ONLY_STORES}`;
  const missing = resource.model.fields.find(
    (field) => (field.required || field.generated !== undefined) && !Object.hasOwn(value, field.name),
  );
  return missing === undefined ? null : `the example answer lacks ${missing.name}; I answer with the whole record`;
}
