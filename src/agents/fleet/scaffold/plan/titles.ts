import { routeName, type Route } from "./plan.ts";

/** The names of the generated tests. The README's table points at them, so they are made in one place. */

export const COMMON = {
  health: "GET /health answers ok as soon as the service is up",
  notFound: "an unknown path gets 404 with a JSON error",
  method: "a known path with another method gets 405 and the allowed methods",
  body: "a body that is not JSON gets 400, another type 415, a large one 413",
  config: "PORT, HOST and DATA_DIR are read from the environment, with defaults",
  kill: "what was acknowledged is still there after kill -9",
  term: "SIGTERM ends the service cleanly, and it says where it listens",
  handover: "while a new version takes over, both see what either has changed",
  torn: "a change that was torn by a crash is cut off and the rest is kept",
  damaged: "a journal that is damaged in the middle is refused, not guessed",
  compact: "the journal is written anew when it is mostly history",
  order: "changes are made one at a time, in order",
  failed: "a refused or failed change leaves nothing behind",
  internal: "an error of the service itself is a 500 that tells nothing",
} as const;

export const titleOf = {
  works: (route: Route) => {
    const name = routeName(route);
    switch (route.kind) {
      case "health":
        return COMMON.health;
      case "list":
        return `${name} lists what is stored`;
      case "search":
        return `${name} finds records by their words`;
      case "create":
        return `${name} stores a record and answers ${route.status}`;
      case "read":
        return `${name} answers what is stored, or 404`;
      case "replace":
        return `${name} replaces what is stored`;
      case "patch":
        return `${name} changes only the fields that are sent`;
      case "delete":
        return `${name} removes what is stored`;
      case "random":
        return `${name} answers one of the stored records, or 404`;
      case "count":
        return `${name} counts what is stored`;
      case "stats":
        return `${name} counts by field`;
      case "action":
        return `${name} changes the stated field`;
      case "redirect":
        return `${name} redirects with ${route.status}, or answers 404`;
    }
  },
  invalid: (route: Route) => `${routeName(route)} refuses an invalid body with 400 and says what is wrong`,
  unique: (route: Route) => `${routeName(route)} refuses a taken value with 409`,
  filters: (route: Route) => `${routeName(route)} filters by ${route.list?.filters.join(", ") ?? ""}`,
  search: (route: Route) => `${routeName(route)} searches with ${route.list?.search?.parameter ?? ""}`,
  times: (route: Route) => `${routeName(route)} filters by time`,
  pages: (route: Route) => `${routeName(route)} pages`,
  order: (route: Route) => `${routeName(route)} lists in the stated order`,
  query: (route: Route) => `${routeName(route)} refuses a query parameter that it does not know`,
};
