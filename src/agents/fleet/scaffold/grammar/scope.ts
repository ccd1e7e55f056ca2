import type { Field, Plan, Resource, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { routeName } from "#agents/fleet/scaffold/plan/plan.ts";
import { sameThing, singular, spaced } from "#agents/fleet/scaffold/read/names.ts";

/** What one sentence is about, what it was found to say, and what is wrong with it. */
export type Scope = {
  plan: Plan;
  section: "api" | "requirements" | "success" | "dependencies";
  /** The endpoint under which it stands, or that it names; several if it names several. */
  routes: Route[];
  resource: Resource | null;
  /** Alternations for patterns: a field's name, a resource's name in one or many. */
  F: string;
  R: string;
  proven: { routes: Set<string>; tests: Set<string> };
  faults: string[];
};

const escape = (text: string) => text.replace(/[.*+?^${}()|[\]\\-]/g, "\\$&");
const plural = (word: string) =>
  /(s|x|ch|sh)$/.test(word) ? `${word}es` : /[^aeiou]y$/.test(word) ? `${word.slice(0, -1)}ies` : `${word}s`;

export function resourceWords(resource: Resource): string[] {
  const words = [
    spaced(resource.name),
    singular(spaced(resource.name)),
    spaced(resource.model.name),
    plural(spaced(resource.model.name)),
    resource.model.name.toLowerCase(),
    resource.name.toLowerCase(),
  ];
  return [...new Set(words)].sort((one, other) => other.length - one.length);
}

export function alternations(plan: Plan, resource: Resource | null): { F: string; R: string } {
  const resources = resource === null ? plan.resources : [resource];
  const fields = resources.flatMap((one) =>
    one.model.fields.flatMap(({ name }) => [
      name.toLowerCase(),
      spaced(name),
      singular(spaced(name)),
      plural(spaced(name)),
    ]),
  );
  const names = plan.resources.flatMap(resourceWords);
  const any = (words: string[]) =>
    [...new Set(words)]
      .sort((one, other) => other.length - one.length)
      .map(escape)
      .join("|") || "(?!)";
  return { F: `(?:${any(fields)})(?![\\w-])`, R: `(?:${any(names)})(?!\\w)` };
}

export function resourceIn(plan: Plan, text: string): Resource | null | "several" {
  const named = plan.resources.filter((resource) =>
    resourceWords(resource).some((word) => new RegExp(`(?<![\\w/])${escape(word)}(?!\\w)`, "i").test(text)),
  );
  if (named.length > 1) return "several";
  return named[0] ?? (plan.resources.length === 1 ? (plan.resources[0] ?? null) : null);
}

/** The one field with this name, as words: of the resource the sentence is about, else the only one anywhere. */
export function fieldOf(scope: Scope, words: string): { field: Field; resource: Resource } | null {
  const resources = scope.resource === null ? scope.plan.resources : [scope.resource];
  const found = resources.flatMap((resource) =>
    resource.model.fields
      .filter((field) => sameThing(field.name, words) || field.name.toLowerCase() === words.trim())
      .map((field) => ({ field, resource })),
  );
  if (found.length === 1) return found[0] ?? null;
  scope.faults.push(
    found.length === 0
      ? `"${words.trim()}" is no field`
      : `"${words.trim()}" is a field of several models: say of which`,
  );
  return null;
}

/** Routes that the sentence may mean: those that it names or stands under, else those of its resource, else all. */
export function candidates(scope: Scope): Route[] {
  if (scope.routes.length > 0) return scope.routes;
  return scope.resource === null
    ? scope.plan.routes
    : scope.plan.routes.filter((route) => route.resource === scope.resource);
}

export function prove(scope: Scope, routes: Route[], tests: string[]): void {
  for (const route of routes) scope.proven.routes.add(routeName(route));
  for (const test of tests) scope.proven.tests.add(test);
}
