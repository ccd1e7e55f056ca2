import type { Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { routeName } from "#agents/fleet/scaffold/plan/plan.ts";
import { COMMON, titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { hasDefaults } from "#agents/fleet/scaffold/write/routes-js.ts";
import { candidates, prove, type Scope } from "./scope.ts";

const takesBody = (route: Route) => ["create", "replace", "patch"].includes(route.kind);
const hasUnique = (route: Route) =>
  takesBody(route) && route.resource?.model.fields.some((field) => field.unique === true) === true;

/** True if the route can answer 404 on its own account. */
function canMiss(route: Route): boolean {
  if (route.kind === "random") return true;
  if (route.resource?.kind === "singleton")
    return route.kind === "delete" || (route.kind === "read" && !hasDefaults(route.resource));
  if (route.resource?.kind === "keyed" && route.kind === "replace") return false;
  return route.path.includes("{");
}

const CAN: Record<number, (route: Route) => boolean> = {
  400: (route) => takesBody(route) || route.list !== undefined,
  404: canMiss,
  405: () => true,
  409: hasUnique,
  413: takesBody,
  415: takesBody,
};
const TEST: Record<number, (route: Route) => string> = {
  400: (route) => (takesBody(route) ? titleOf.invalid(route) : titleOf.query(route)),
  404: titleOf.works,
  405: () => COMMON.method,
  409: titleOf.unique,
  413: () => COMMON.body,
  415: () => COMMON.body,
};
/** Statuses of success that may be stated instead of the usual one. */
const CHOICE: Partial<Record<Route["kind"], number[]>> = { create: [200, 201], redirect: [301, 302, 307, 308] };

/** Holds a status against what the routes in question answer; where there is a choice, takes the stated one. */
export function stateStatus(scope: Scope, status: number): void {
  const routes = candidates(scope);
  if (status >= 400) {
    const able = routes.filter((route) => CAN[status]?.(route));
    if (able.length === 0)
      scope.faults.push(
        status === 409 ? "409 needs a field that is stated as unique" : `${whose(scope)} never answers ${status}`,
      );
    prove(
      scope,
      able,
      able.map((route) => TEST[status]?.(route) ?? ""),
    );
    return;
  }
  if (scope.routes.length === 1) {
    const route = scope.routes[0] as Route;
    if (CHOICE[route.kind]?.includes(status)) route.status = status;
    const keyed = route.kind === "replace" && route.resource?.kind === "keyed" && (status === 200 || status === 201);
    if (route.status !== status && !keyed)
      scope.faults.push(`${routeName(route)} answers ${route.status}, not ${status}`);
    prove(scope, [route], [titleOf.works(route)]);
    return;
  }
  const able = routes.filter((route) => route.status === status || CHOICE[route.kind]?.includes(status));
  if (able.length === 0) scope.faults.push(`${whose(scope)} never answers ${status}`);
  prove(scope, able, able.map(titleOf.works));
}

const whose = (scope: Scope) => (scope.routes.length === 1 ? routeName(scope.routes[0] as Route) : "my service");
