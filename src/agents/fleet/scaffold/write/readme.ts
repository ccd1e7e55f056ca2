import { routeName, type Plan, type Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { titleOf } from "#agents/fleet/scaffold/plan/titles.ts";
import { timeField } from "./routes-js.ts";
import { prose } from "./text.ts";

/** BUILD/README.md: how to run it, what it does, what made it, and what shows each sentence of the spec. */
export function readme(plan: Plan): string {
  return `# ${prose(plan.title)}

A Node service without dependencies, written from its SPEC.md. It stores its data in plain files and serves it as JSON.

## Run it

\`\`\`sh
npm start        # listens on http://127.0.0.1:${plan.port}
npm test         # starts the real service on free ports; leaves nothing behind
\`\`\`

It needs Node 20 or newer. \`PORT\`, \`HOST\` and \`DATA_DIR\` come from the environment, as in \`.env.example\`. In a container:
\`docker build -t ${plan.name} . && docker run -p ${plan.port}:${plan.port} -v ${plan.name}-data:/data ${plan.name}\`.

## Endpoints

| Endpoint | What it does |
| --- | --- |
${plan.routes.map((route) => `| \`${routeName(route)}\` | ${describe(route)} |\n`).join("")}
Errors are JSON: \`{"error": "what is wrong"}\`, with \`details\` where a body has several faults. 400: the body, a value or a
query parameter is wrong; 404: nothing there; 405: another method, with \`Allow\`; 409: a unique value is taken; 413: the body
is larger than ${plan.bodyLimit} bytes; 415: the body is not \`application/json\`. Unknown fields and query parameters are refused.

## How data is kept

Each resource has a journal in \`DATA_DIR\`, one JSON line for each change, flushed to the disk before the change is answered.
So what was answered survives a restart, \`kill -9\` and a power cut; a line that a crash tore was never answered, and is cut
off at the next start. All records are in memory as well: this is for up to some hundred thousand small records, and for one
process per folder.

## What made this, and what it is not

\`scaffold\`, the built-in builder of Steward, wrote every file here from SPEC.md: by fixed rules, the same bytes for the same
spec, with no model and no network. It knows services that store and serve data; it does not guess, and refuses a spec with a
sentence that it cannot turn into a route and a test. There is no login, no encryption and no rate limit here: put it behind
something that has them before strangers can reach it.

## What shows that the spec holds

| Line | Requirement | Route | Test |
| --- | --- | --- | --- |
${plan.proofs.map((proof) => `| ${proof.line} | ${prose(proof.text)} | ${proof.routes.map((route) => `\`${route}\``).join(", ") || "–"} | ${proof.tests.map(prose).join("; ")} |\n`).join("")}
## Tests of each endpoint

| Route | Test |
| --- | --- |
${plan.routes.map((route) => `| \`${routeName(route)}\` | ${prose(titleOf.works(route))} |\n`).join("")}`;
}

function describe(route: Route): string {
  const { list, resource } = route;
  const extra = [
    list?.filters.length ? `filters: ${list.filters.map((name) => `\`${name}\``).join(", ")}` : "",
    list?.search ? `search: \`${list.search.parameter}\` in all texts, whatever the case` : "",
    list?.since !== undefined || list?.until !== undefined
      ? `by \`${(resource && timeField(resource)) ?? ""}\`: ${[list.since, list.until]
          .filter(Boolean)
          .map((name) => `\`${name ?? ""}\``)
          .join(", ")}, both included`
      : "",
    list?.limit ? `\`${list.limit.parameter}\` (default ${list.limit.default}, at most ${list.limit.max})` : "",
    list?.offset ? `\`${list.offset}\`` : "",
    list?.sort ? `\`${list.sort}=field\` or \`-field\`` : "",
    route.kind === "list"
      ? list?.orderBy
        ? `sorted by \`${list.orderBy.field}\`${list.orderBy.descending ? ", falling" : ""}`
        : `${list?.order ?? "oldest"} first`
      : "",
    route.redirect
      ? `to \`${route.redirect.field}\`, with ${route.status}${route.redirect.counter ? `, and counts in \`${route.redirect.counter}\`` : ""}`
      : "",
    route.action
      ? "add" in route.action
        ? `adds 1 to \`${route.action.field}\``
        : `sets \`${route.action.field}\` to ${prose(JSON.stringify(route.action.value))}`
      : "",
    route.stats?.groups.length ? `by ${route.stats.groups.map(({ field }) => `\`${field}\``).join(", ")}` : "",
  ].filter(Boolean);
  return [VERBS[route.kind], ...extra].join("; ");
}

const VERBS: Record<Route["kind"], string> = {
  health: "says that the service is up",
  list: "lists",
  search: "searches",
  create: "stores a new record",
  read: "answers one",
  replace: "replaces one whole",
  patch: "changes the fields that are sent",
  delete: "removes one",
  random: "answers one by chance",
  count: "counts",
  stats: "counts by field",
  action: "changes one",
  redirect: "redirects",
};
