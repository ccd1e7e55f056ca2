import type { Field, Model, Resource } from "#agents/fleet/scaffold/plan/plan.ts";
import type { Api, Endpoint } from "#agents/fleet/scaffold/read/endpoints.ts";
import { pascal, sameThing, singular } from "#agents/fleet/scaffold/read/names.ts";
import type { Reason } from "#agents/fleet/scaffold/read/sections.ts";
import { modelFromExamples } from "./example.ts";

const last = (path: string) => path.split("/").at(-1) ?? "";
const parent = (path: string) => path.split("/").slice(0, -1).join("/");
const isParameter = (part: string) => part.startsWith("{");
export const parameterOf = (path: string) => /\{(\w+)\}/.exec(path)?.[1] ?? "";

/**
 * What is stored, seen from the endpoints: POST on a plain path makes a collection, PUT below a plain path without a POST
 * makes documents by key, PUT or PATCH on a plain path makes one document.
 */
export function findResources(api: Api, problems: Reason[]): Resource[] {
  const { endpoints } = api;
  const plain = (path: string) => !path.includes("{");
  const has = (method: string, path: string) => endpoints.some((one) => one.method === method && one.path === path);
  const found = new Map<string, Resource["kind"]>();
  for (const { method, path } of endpoints) {
    if (method === "POST" && plain(path)) found.set(path, "collection");
  }
  for (const { method, path } of endpoints) {
    const base = parent(path);
    if (method === "PUT" && isParameter(last(path)) && plain(base) && base !== "" && !found.has(base))
      found.set(base, "keyed");
    if ((method === "PUT" || method === "PATCH") && plain(path) && !has("POST", path)) found.set(path, "singleton");
  }
  const resources: Resource[] = [];
  for (const [path, kind] of found) {
    if (resources.some((other) => last(other.path) === last(path))) {
      problems.push({ line: 1, message: `two resources end in "${last(path)}": give each its own name` });
      continue;
    }
    const model = findModel(api, path, kind, found.size, problems);
    if (model === null) continue;
    const resource: Resource = { kind, name: last(path), path, model, key: "" };
    resource.key = findKey(api, resource, problems);
    resources.push(resource);
  }
  return resources;
}

function findModel(api: Api, path: string, kind: Resource["kind"], count: number, problems: Reason[]): Model | null {
  const name = last(path);
  const own = api.models.find((model) => sameThing(model.name, name));
  const only = api.models.length === 1 && count === 1 ? api.models[0] : undefined;
  const stated = own ?? only;
  if (stated !== undefined) return stated;
  const writes = api.endpoints.filter(
    (one) => one.request !== undefined && (one.path === path || (kind === "keyed" && parent(one.path) === path)),
  );
  const write = writes.find((one) => one.method === (kind === "collection" ? "POST" : "PUT")) ?? writes[0];
  const entity = pascal(singular(name));
  const shown = api.examples.find(
    (example) => sameThing(example.heading, name) || (api.examples.length === 1 && count === 1),
  );
  const sent = write?.request ?? shown;
  if (sent === undefined) {
    const line = api.endpoints.find((one) => one.path.startsWith(path))?.line ?? 1;
    problems.push({
      line,
      message: `${path} has neither a data model nor a JSON example of its body: add a table "### ${entity}" with Field, Type, Required and Rules, or an example`,
    });
    return null;
  }
  const answered = write?.responses.find((one) => one.status === null || one.status < 300);
  const model = modelFromExamples(entity, sent, answered, problems);
  if (write === undefined) {
    // An example of the whole record: what is well known to be generated is taken as generated.
    for (const field of model.fields)
      if (field.name === "id")
        Object.assign(field, { required: false, generated: field.type === "integer" ? "sequence" : "uuid" });
  }
  return model;
}

/** By which field records are found: the path's parameter if the model has it, else `id`, which is added if need be. */
function findKey(api: Api, resource: Resource, problems: Reason[]): string {
  const { model, path, kind } = resource;
  if (kind === "singleton") return "";
  const item =
    api.endpoints.find((one) => parent(one.path) === path && isParameter(last(one.path))) ??
    api.endpoints.find((one) => one.path.startsWith(`${path}/{`));
  const parameter = item === undefined ? "" : parameterOf(item.path);
  const named = model.fields.find((field) => field.name === parameter);
  if (kind === "keyed") {
    if (named !== undefined) {
      if (named.type !== "string" && named.type !== "slug")
        problems.push({
          line: named.line,
          message: `${named.name} is the key in ${path}/{${parameter}}: it must be a string or a slug`,
        });
      Object.assign(named, { generated: "path", required: false });
    }
    return parameter;
  }
  const id = model.fields.find((field) => field.name === "id");
  if (named === undefined && id === undefined) {
    if (item === undefined) return "";
    if (!/id$/i.test(parameter)) {
      problems.push({
        line: item.line,
        message: `${item.path}: ${model.name} has no field ${parameter}: add it to the model, unique or generated`,
      });
      return "id";
    }
    model.fields.unshift({ name: "id", type: "uuid", required: false, generated: "uuid", line: model.line });
    return "id";
  }
  const key = named ?? id;
  if (key === undefined) return "";
  checkKey(key, model, problems);
  return key.name;
}

function checkKey(key: Field, model: Model, problems: Reason[]): void {
  if (key.generated === undefined) {
    if (!["string", "slug", "integer", "uuid"].includes(key.type))
      problems.push({
        line: key.line,
        message: `${model.name}.${key.name} is in the path, so it must be a string, a slug, an integer or generated`,
      });
    key.unique = true;
    if (!key.required)
      problems.push({
        line: key.line,
        message: `${model.name}.${key.name} is in the path, so it must be required or generated`,
      });
  } else if (!["uuid", "sequence", "code"].includes(key.generated)) {
    problems.push({
      line: key.line,
      message: `${model.name}.${key.name} is in the path, but it is not a key: ${key.generated}`,
    });
  }
}

export const ofItem = (resource: Resource, endpoint: Pick<Endpoint, "path">) =>
  endpoint.path === `${resource.path}/{${parameterOf(endpoint.path)}}`;
