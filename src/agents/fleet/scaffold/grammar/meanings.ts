import type { Field, ListOptions, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { routeName } from "#agents/fleet/scaffold/plan/plan.ts";
import { addGroup, applyQuery } from "#agents/fleet/scaffold/plan/routes.ts";
import { COMMON, titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import type { literal } from "#agents/fleet/scaffold/read/field-rules.ts";
import { candidates, fieldOf, prove, type Scope } from "./scope.ts";
import { stateStatus } from "./statuses.ts";

/** What the phrases mean: each holds a statement against the plan, puts it there, or says what is wrong with it. */

export const SUITE = "the whole suite (npm test)";

export const lists = (scope: Scope): Route[] =>
  candidates(scope).filter((route) => route.list !== undefined && (route.kind === "list" || route.kind === "search"));

export function onLists(
  scope: Scope,
  what: string,
  title: (route: Route) => string,
  change: (list: ListOptions, route: Route) => void,
): void {
  const routes = lists(scope);
  if (routes.length === 0) scope.faults.push(`there is no list that could be ${what}`);
  for (const route of routes) if (route.list !== undefined) change(route.list, route);
  prove(scope, routes, routes.map(title));
}

export const persists = (scope: Scope) => prove(scope, [], [COMMON.kill]);

const fieldsIn = (scope: Scope, text: string): string[] =>
  [...text.matchAll(new RegExp(`(?<![\\w-])${scope.F}`, "gi"))].map((match) => match[0]);

export function filterBy(scope: Scope, text: string, { stated }: { stated: boolean }): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const all = candidates(scope);
  const stats = scope.routes.length === 1 && scope.routes[0]?.kind === "stats" ? scope.routes[0] : undefined;
  if (stats !== undefined && !stated) return groupBy(scope, text);
  const reads = all.filter(
    (route) =>
      route.resource !== null && names.every((name) => name === route.resource?.key) && route.path.includes("{"),
  );
  if (reads.length > 0) return prove(scope, reads, reads.map(titleOf.works));
  const filterable =
    scope.routes.length > 0
      ? all.filter((route) => route.list !== undefined)
      : all.filter((route) => route.kind === "list");
  if (filterable.length === 0) scope.faults.push(`there is no list that could be filtered by ${names.join(", ")}`);
  const faults: { line: number; message: string }[] = [];
  for (const route of filterable) applyQuery(route, names, faults, route.line);
  scope.faults.push(...faults.map(({ message }) => message));
  prove(scope, filterable, filterable.map(titleOf.filters));
}

export function groupBy(scope: Scope, text: string): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const routes = candidates(scope).filter((route) => route.kind === "stats");
  if (routes.length === 0) scope.faults.push("there is no endpoint for counts by field, such as GET /events/stats");
  for (const route of routes) {
    const open = route.stats?.groups.length === 0;
    for (const name of names) {
      if (open) addGroup(route, name);
      if (!route.stats?.groups.some((group) => group.field === name))
        scope.faults.push(`${routeName(route)} does not count by ${name}: add it to the endpoint's example`);
    }
  }
  prove(scope, routes, routes.map(titleOf.works));
}

export function orderLists(scope: Scope, order: "newest" | "oldest"): void {
  onLists(scope, "in an order", titleOf.works, (list) => {
    if (list.orderBy !== undefined) scope.faults.push(`it is already sorted by ${list.orderBy.field}`);
    list.order = order;
  });
}

function counterOf(scope: Scope, words: string): Field | null {
  const counters = (scope.resource === null ? scope.plan.resources : [scope.resource]).flatMap((resource) =>
    resource.model.fields.filter((field) => field.generated === "counter"),
  );
  const named = counters.find((field) => words.includes(field.name.toLowerCase()));
  const counter = named ?? (counters.length === 1 ? counters[0] : undefined);
  if (counter === undefined) scope.faults.push('counting needs a field in the model with the rule "counter"');
  return counter ?? null;
}

export function countUp(scope: Scope, words: string): void {
  const counter = counterOf(scope, words);
  if (counter === null) return;
  const routes = candidates(scope).filter(
    (route) =>
      route.kind === "redirect" ||
      (route.kind === "action" && scope.routes.includes(route)) ||
      (route.action !== undefined && route.action.field === counter.name),
  );
  if (routes.length === 0)
    scope.faults.push(`no endpoint counts ${counter.name}: a redirect or an action such as POST /posts/{id}/like can`);
  for (const route of routes) {
    if (route.redirect !== undefined) route.redirect.counter = counter.name;
    else setAction(scope, route, { field: counter.name, add: 1 });
  }
  prove(scope, routes, routes.map(titleOf.works));
}

function setAction(scope: Scope, route: Route, action: NonNullable<Route["action"]>): void {
  if (route.action !== undefined && JSON.stringify(route.action) !== JSON.stringify(action))
    scope.faults.push(`${routeName(route)} already changes ${route.action.field}: one endpoint changes one field`);
  route.action = action;
}

export function setField(scope: Scope, field: Field, value: NonNullable<ReturnType<typeof literal>> | null): void {
  const fits =
    field.choices !== undefined
      ? typeof value === "string" && field.choices.includes(value)
      : field.type === "boolean"
        ? typeof value === "boolean"
        : field.type === "string"
          ? typeof value === "string"
          : typeof value === "number" && (field.type === "integer" || field.type === "number");
  if (!fits || field.generated !== undefined) {
    scope.faults.push(`${field.name} cannot be set to ${JSON.stringify(value)} by its own rules`);
    return;
  }
  const actions = candidates(scope).filter((route) => route.kind === "action");
  if (scope.routes.length === 1 && actions.length === 1)
    setAction(scope, actions[0] as Route, { field: field.name, value });
  const doing = actions.filter(
    (route) => route.action?.field === field.name && "value" in route.action && route.action.value === value,
  );
  if (doing.length === 0)
    scope.faults.push(
      `no endpoint sets ${field.name} to ${JSON.stringify(value)}: add one such as POST /tasks/{id}/complete`,
    );
  prove(scope, doing, doing.map(titleOf.works));
}

/** "marks the task as done": the boolean field of that name, or the only field with that choice. */
export function mark(scope: Scope, word: string): void {
  const fields = (scope.resource === null ? scope.plan.resources : [scope.resource]).flatMap(
    (resource) => resource.model.fields,
  );
  const flag = fields.find((field) => field.type === "boolean" && field.name.toLowerCase() === word.toLowerCase());
  const choices = fields.filter((field) => field.choices?.includes(word));
  if (flag !== undefined) setField(scope, flag, true);
  else if (choices.length === 1) setField(scope, choices[0] as Field, word);
  else scope.faults.push(`"${word}" is neither a true-or-false field nor one choice of a field`);
}

export const needs = (kinds: Route["kind"][], what: string) => (_match: RegExpExecArray, scope: Scope) => {
  const routes = candidates(scope).filter((route) => kinds.includes(route.kind));
  if (routes.length === 0) scope.faults.push(`no endpoint ${what}`);
  prove(scope, routes, routes.map(titleOf.works));
};

export const status = (code: number) => (_match: RegExpExecArray, scope: Scope) => stateStatus(scope, code);
export const shows =
  (...tests: string[]) =>
  (_match: RegExpExecArray, scope: Scope) =>
    prove(scope, [], tests);
export const health = (_match: RegExpExecArray, scope: Scope) =>
  prove(
    scope,
    scope.plan.routes.filter((route) => route.kind === "health"),
    [COMMON.health],
  );

/** "requests without a title": each of the fields must be required, so that its absence is a 400. */
export function requiredField(scope: Scope, text: string): void {
  for (const words of fieldsIn(scope, text)) {
    const found = fieldOf(scope, words);
    if (found !== null && !found.field.required) scope.faults.push(`${found.field.name} is not required`);
  }
  stateStatus(scope, 400);
}

export function port(scope: Scope, number: number): void {
  if (scope.plan.port !== 0 && scope.plan.port !== number && !scope.plan.portGiven)
    scope.faults.push(`the port ${number} is not the port ${scope.plan.port} that stands elsewhere`);
  if (scope.plan.port === 0) scope.plan.port = number;
  prove(scope, [], [COMMON.config]);
}

export function coverage(scope: Scope, percent: number): void {
  if (percent > 90) scope.faults.push(`a coverage of ${percent} % is more than I promise: state at most 90 %`);
  prove(scope, [], [SUITE]);
}

export function unchanged(scope: Scope, text: string): void {
  const all = /append|immutable/i.test(text);
  const kinds: Route["kind"][] = [
    ...(all || /chang|updat|edit|modif/i.test(text) ? (["replace", "patch", "action"] as const) : []),
    ...(all || /delet|remov/i.test(text) ? (["delete"] as const) : []),
  ];
  const against = candidates(scope).filter((route) => kinds.includes(route.kind));
  for (const route of against) scope.faults.push(`${routeName(route)} does just that`);
  prove(scope, candidates(scope), [COMMON.method]);
}

export function sortBy(scope: Scope, words: string, descending: boolean): void {
  const found = fieldOf(scope, words);
  if (found === null) return;
  onLists(scope, "sorted", titleOf.works, (list) => {
    if (
      list.orderBy !== undefined &&
      (list.orderBy.field !== found.field.name || list.orderBy.descending !== descending)
    )
      scope.faults.push(`it is already sorted by ${list.orderBy.field}`);
    if (["object", "strings", "integers", "numbers"].includes(found.field.type))
      scope.faults.push(`${found.field.name} has no order`);
    list.orderBy = { field: found.field.name, descending };
  });
}

export function limitOf(scope: Scope, match: RegExpExecArray, list: ListOptions): NonNullable<ListOptions["limit"]> {
  const before = list.limit ?? { parameter: "limit", default: 50, max: 200 };
  const most = match[2] === undefined ? Math.max(before.max, Number(match[1] ?? 0)) : Number(match[2]);
  const usual = match[1] === undefined ? Math.min(before.default, most) : Number(match[1]);
  if (most < 1 || most > 10_000 || usual < 1 || usual > most)
    scope.faults.push("a limit has a default from 1 to its maximum, and a maximum of at most 10000");
  return { ...before, default: usual, max: most };
}

export function searchIn(scope: Scope, text: string): void {
  const names = fieldsIn(scope, text).flatMap((words) => fieldOf(scope, words)?.field.name ?? []);
  const searched = lists(scope).filter((route) => route.kind === "search");
  const routes = searched.length > 0 ? searched : lists(scope);
  if (routes.length === 0) scope.faults.push("there is no list that could be searched");
  for (const route of routes) {
    if (route.list === undefined) continue;
    route.list.search ??= { parameter: "q", required: route.kind === "search" };
    if (names.length > 0) route.list.search.fields = names;
  }
  prove(
    scope,
    routes,
    routes.map((route) => (route.kind === "search" ? titleOf.works(route) : titleOf.search(route))),
  );
}

export function limitBody(scope: Scope, amount: number, unit: string): void {
  const bytes = amount * (unit.startsWith("m") ? 1_048_576 : unit.startsWith("k") ? 1024 : 1);
  if (bytes < 4096 || bytes > 1_048_576) scope.faults.push("the body limit is from 4 KB to 1 MB");
  scope.plan.bodyLimit = bytes;
  prove(scope, [], [COMMON.body]);
}

export function generated(scope: Scope, kinds: NonNullable<Field["generated"]>[]): void {
  const resources = scope.resource === null ? scope.plan.resources : [scope.resource];
  const having = resources.filter((resource) =>
    resource.model.fields.some((field) => field.generated !== undefined && kinds.includes(field.generated)),
  );
  if (having.length === 0) scope.faults.push(`no model has such a field: add one that is generated`);
  const routes = scope.plan.routes.filter(
    (route) => route.kind === "create" && route.resource !== null && having.includes(route.resource),
  );
  prove(scope, routes, routes.map(titleOf.works));
}
