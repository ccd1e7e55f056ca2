import type { Reason } from "#agents/fleet/scaffold/read/sections.ts";
import { camel } from "#agents/fleet/scaffold/read/names.ts";
import { fits } from "./example.ts";
import { routeName, type Field, type Plan } from "./plan.ts";
import { clientFields, sample } from "./samples.ts";

const SEARCHED = ["string", "email", "url", "slug", "strings"];

/** What must hold of a plan as a whole before it is written. */
export function checkPlan(plan: Plan, problems: Reason[]): void {
  const names = new Set<string>();
  for (const { name, model } of plan.resources) {
    const file = camel(name).toLowerCase();
    if (names.has(file))
      problems.push({ line: model.line, message: `two resources would both be called "${name}": rename one` });
    names.add(file);
  }
  if (plan.resources.length > 12 || plan.routes.length > 80)
    problems.push({
      line: 1,
      message: "this is larger than one service should be: at most 12 resources and 80 endpoints",
    });
  if (plan.port < 1 || plan.port > 65_535)
    problems.push({ line: 1, message: `the port ${plan.port} is not one from 1 to 65535` });
  for (const resource of plan.resources) {
    const of = plan.routes.filter((route) => route.resource === resource);
    const { model } = resource;
    if (clientFields(model).length === 0)
      problems.push({ line: model.line, message: `${model.name} has no field that a client sends` });
    for (const field of model.fields) {
      if (field.default !== undefined && !fits(field, field.default))
        problems.push({ line: field.line, message: `the default of ${field.name} is against its own rules` });
      if (field.generated !== undefined) continue;
      const values = [0, 1, 2].map((at) => sample(field, at, { isKey: field.name === resource.key }));
      if (
        !values.every((value) => fits(field, value)) ||
        (field.unique === true && new Set(values.map((value) => JSON.stringify(value))).size < 3)
      ) {
        problems.push({
          line: field.line,
          message: `I cannot make ${field.unique === true ? "three different values" : "a value"} for the field ${field.name} within its rules: loosen them`,
        });
      }
    }
    const writes = of.some((route) => ["create", "replace", "patch"].includes(route.kind));
    if (!writes) problems.push({ line: model.line, message: `nothing writes ${resource.path}: add a POST or a PUT` });
    if (resource.kind === "keyed" && !model.fields.some((field) => field.name === resource.key)) {
      const list = of.find((route) => route.list !== undefined);
      if (list !== undefined)
        problems.push({
          line: list.line,
          message: `${routeName(list)}: add the field ${resource.key} to ${model.name}, else the list would not say which is which`,
        });
    }
    if (
      resource.kind === "singleton" &&
      of.every((route) => route.kind !== "replace") &&
      model.fields.some((field) => field.required && field.default === undefined)
    ) {
      problems.push({
        line: model.line,
        message: `${resource.path} can only be patched, but has required fields without a default: add PUT, or defaults`,
      });
    }
    for (const route of of) {
      if (route.list?.search !== undefined && !model.fields.some((field) => SEARCHED.includes(field.type)))
        problems.push({ line: route.line, message: `${routeName(route)} searches, but ${model.name} has no text` });
      if (route.kind === "search" && route.list?.search === undefined)
        route.list = {
          ...(route.list ?? { filters: [], order: "oldest", shape: "array" }),
          search: { parameter: "q", required: true },
        };
      if (route.kind === "action" && route.action === undefined)
        problems.push({
          line: route.line,
          message: `${routeName(route)}: say which stored field it changes to what, as in: sets \`status\` to "done"`,
        });
      if (route.kind === "stats" && route.stats?.groups.length === 0)
        problems.push({
          line: route.line,
          message: `${routeName(route)}: say by which field it counts, as in: counts by \`type\``,
        });
    }
  }
  const size = Math.max(0, ...plan.models.map((model) => model.fields.reduce((sum, field) => sum + longest(field), 0)));
  if (size + 2048 > plan.bodyLimit)
    problems.push({
      line: 1,
      message: `the longest allowed body (${size} characters) is larger than the body limit of ${plan.bodyLimit} bytes: lower the maximums`,
    });
}

/** Characters of the longest value that a field's rules allow, where they say. */
function longest({ type, max = 0 }: Field): number {
  if (["string", "slug", "email", "url"].includes(type)) return max;
  return ["strings", "integers", "numbers"].includes(type) ? max * 16 : 32;
}
