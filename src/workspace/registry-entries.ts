import type { RegistryFacts } from "#lines/service/facts.ts";
import type { JsonPlace } from "./json-places.ts";

/** The keys under which people keep these things, in the order in which they are asked. */
export const registryKeys = {
  name: ["name", "service", "service_name", "serviceName", "id", "slug"],
  status: ["status", "state"],
  owner: ["owner", "maintainer", "responsible", "assigned_to", "team"],
  port: ["port", "service_port", "servicePort", "http_port"],
  url: ["url", "production_url", "productionUrl", "endpoint", "base_url"],
  path: ["path", "folder", "directory", "dir", "location"],
} as const;

/** Under which an object keeps its services, if they are not its own keys. */
const listKeys = ["services", "SERVICES"];
/** Objects beside the services that are none. */
const noService = new Set(["metadata", "meta", "_meta", "$schema", "config", "defaults"]);

export type RegistryEntry = RegistryFacts & {
  /** Its folder, if the registry says; else it is found by its name. */
  path: string | null;
};

/**
 * The services that a registry's JSON lists, whichever of its three shapes it has: an object by name, a list, or either
 * of these under "services". What is no service is passed over.
 */
export function registryEntries(json: unknown): RegistryEntry[] {
  const inner = isObject(json) ? listKeys.find((key) => isContainer(json[key])) : undefined;
  const services = inner === undefined ? json : (json as Record<string, unknown>)[inner];
  if (Array.isArray(services)) {
    return services.filter(isObject).flatMap((value) => {
      const name = text(value, registryKeys.name);
      return name === null ? [] : [entryOf(name, value)];
    });
  }
  if (!isObject(services)) return [];
  return Object.entries(services).flatMap(([key, value]) =>
    isObject(value) && !noService.has(key) ? [entryOf(key, value)] : [],
  );
}

const isContainer = (value: unknown): boolean => Array.isArray(value) || isObject(value);

/** Finds a service's entry: by its folder where the registry names one, else by name, case, spaces and dashes aside. */
export function indexRegistry(entries: readonly RegistryEntry[]): (folderName: string) => RegistryEntry | null {
  const byName = new Map(entries.flatMap((entry) => namesOf(entry).map((name) => [name, entry] as const)).toReversed());
  return (folderName) => byName.get(loose(folderName)) ?? null;
}

/** Where the services stand in a registry: the object by name, or the list. Null if there is neither. */
export function servicesPlace(root: JsonPlace): JsonPlace | null {
  const inner = listKeys
    .map((key) => root.members?.findLast((member) => member.key === key)?.place)
    .find((place) => place !== undefined && isContainer(place.value));
  return inner ?? (isContainer(root.value) ? root : null);
}

/**
 * Finds a service's own object among them; null if it is not listed. "taken": its name stands for something else there (a
 * text, a list, the registry's own notes), which is not ours to replace.
 */
export function indexPlaces(services: JsonPlace): (folderName: string) => JsonPlace | "taken" | null {
  const listed = services.members ?? services.items!.map((place) => ({ key: null, place }));
  const byName = new Map<string, JsonPlace | "taken">();
  // The last one of a name is the one that a JSON parser takes.
  for (const { key, place } of listed) {
    const { value } = place;
    const name = isObject(value) ? (key ?? text(value, registryKeys.name)) : key;
    if (name === null) continue;
    const isService = isObject(value) && !(key !== null && noService.has(key));
    const names = isObject(value) ? namesOf(entryOf(name, value)) : [loose(name)];
    for (const one of names) byName.set(one, isService ? place : "taken");
  }
  return (folderName) => byName.get(loose(folderName)) ?? null;
}

function entryOf(name: string, value: Record<string, unknown>): RegistryEntry {
  const port = Number(first(value, registryKeys.port) ?? Number.NaN);
  return {
    name,
    status: text(value, registryKeys.status),
    owner: text(value, registryKeys.owner),
    port: Number.isInteger(port) && port > 0 && port < 65536 ? port : null,
    url: text(value, registryKeys.url),
    path: text(value, registryKeys.path),
  };
}

/** The names by which a folder may find an entry: that of the folder it states, and its own. */
function namesOf({ name, path }: RegistryEntry): string[] {
  const folder = (path ?? "")
    .split(/[\\/]/)
    .filter((part) => part !== "" && part !== "." && !/^BUILD$/i.test(part))
    .at(-1);
  return folder === undefined ? [loose(name)] : [loose(folder), loose(name)];
}

/** Case, spaces and dashes aside. */
export const loose = (name: string): string =>
  name
    .normalize("NFC")
    .toLowerCase()
    .replace(/[\s_-]+/g, "-");

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const first = (value: Record<string, unknown>, keys: readonly string[]): unknown =>
  keys.filter((key) => Object.hasOwn(value, key)).map((key) => value[key])[0];

function text(value: Record<string, unknown>, keys: readonly string[]): string | null {
  const found = first(value, keys);
  if (typeof found === "number") return String(found);
  return typeof found === "string" && found.trim() !== "" ? found.trim() : null;
}
