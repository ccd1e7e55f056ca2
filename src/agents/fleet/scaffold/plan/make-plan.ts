import { readApi } from "#agents/fleet/scaffold/read/endpoints.ts";
import type { Document } from "#agents/fleet/scaffold/read/document.ts";
import type { Reason, Sections } from "#agents/fleet/scaffold/read/sections.ts";
import type { Model, Plan, Resource } from "./plan.ts";
import { findResources } from "./resources.ts";
import { applyExamples, applyQuery, findRoutes } from "./routes.ts";
import { checkPlan } from "./check-plan.ts";
import { readSentences } from "#agents/fleet/scaffold/grammar/read-sentences.ts";

/** `port` 0 leaves the port to the spec, and where it states none, to `fallbackPort`. */
type Identity = { name: string; port: number; portGiven: boolean; fallbackPort: number };

/** The whole meaning of a spec, or every reason why it has none. Nothing in between is returned. */
export function makePlan(
  document: Document,
  sections: Sections,
  { name, port, portGiven, fallbackPort }: Identity,
): { plan: Plan; problems: Reason[] } {
  const problems: Reason[] = [...sections.problems];
  const api = readApi(sections.blocks.api);
  problems.push(...api.problems);
  if (api.endpoints.length === 0)
    problems.push({
      line: 1,
      message:
        "the API section states no endpoint such as GET /quotes: I build HTTP services that store and serve data",
    });
  const resources = findResources(api, problems);
  const unused = api.models.filter((model) => !resources.some((resource) => resource.model === model));
  for (const model of unused)
    problems.push({
      line: model.line,
      message: `the model ${model.name} belongs to no endpoint: add its endpoints, or remove it`,
    });
  const routes = findRoutes(api.endpoints, resources, problems);
  const plan: Plan = {
    name,
    title: document.title || name,
    port,
    portGiven,
    bodyLimit: 65_536,
    models: modelsOf(resources),
    resources,
    routes,
    proofs: [],
  };
  for (const endpoint of api.endpoints) {
    const route = routes.find((one) => one.method === endpoint.method && one.path === endpoint.path);
    if (route === undefined) continue;
    applyQuery(route, endpoint.query, problems, endpoint.line);
    applyExamples(route, endpoint, problems);
  }
  readSentences(plan, api, sections, problems);
  takeExamples(plan, api.endpoints);
  if (plan.port === 0) plan.port = fallbackPort;
  checkPlan(plan, problems);
  return { plan, problems };
}

const modelsOf = (resources: Resource[]): Model[] => [...new Set(resources.map((resource) => resource.model))];

/** The spec's own example body is what the tests send first. */
function takeExamples(plan: Plan, endpoints: ReturnType<typeof readApi>["endpoints"]): void {
  for (const endpoint of endpoints) {
    const route = plan.routes.find((one) => one.method === endpoint.method && one.path === endpoint.path);
    const value = endpoint.request?.value;
    if (route?.resource == null || typeof value !== "object" || value === null || Array.isArray(value)) continue;
    for (const field of route.resource.model.fields) {
      const shown = Object.hasOwn(value, field.name) ? value[field.name] : undefined;
      if (shown !== undefined && field.example === undefined) field.example = shown;
    }
  }
}
