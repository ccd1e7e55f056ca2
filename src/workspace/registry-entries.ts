import type { RegistryFacts } from "#lines/service/facts.ts";
import type { JsonPlace } from "./json-places.ts";
import { isStewardsWord } from "./registry-status.ts";

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
  const problems: string[] = [];
  const read = <T>(what: "status" | "owner" | "port" | "url" | "path", reader: (given: unknown) => T | null) => {
    const [key, given] = said(value, registryKeys[what]) ?? [];
    if (key === undefined) return null;
    const found = reader(given);
    if (found === null)
      problems.push(`SERVICE_REGISTRY.json: ${key} of ${cut(name)} is ${cut(shown(given))}: ${musts[what]}`);
    return found;
  };
  const status = read("status", asText);
  const entry = {
    name,
    status,
    owner: read("owner", asText),
    port: read("port", asPort),
    url: read("url", asText),
    path: read("path", asText),
  };
  return {
    ...entry,
    ...(isStewardsWord(status, value["phase"]) && { ours: true }),
    ...(problems.length > 0 && { problems }),
  };
}

const musts = {
  status: "it must be a word",
  owner: "it must be a name",
  port: "it must be a whole number from 1 to 65535",
  url: "it must be an address",
  path: "it must be a folder",
};

/** Longer than what people write there, and shorter than what would hurt where it is shown. */
const LONGEST = 1_000;

function asText(given: unknown): string | null {
  const found = typeof given === "number" ? String(given) : typeof given === "string" ? given.trim() : "";
  return found === "" || found.length > LONGEST ? null : found;
}

function asPort(given: unknown): number | null {
  const port = typeof given === "string" && /^\s*\d{1,5}\s*$/.test(given) ? Number(given) : given;
  return typeof port === "number" && Number.isInteger(port) && port > 0 && port < 65_536 ? port : null;
}

const shown = (given: unknown): string => JSON.stringify(given) ?? "nothing";
const cut = (text: string): string => (text.length > 80 ? `${text.slice(0, 79)}…` : text);

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

/** The first of the keys under which anything is said: null and "" say nothing. */
function said(value: Record<string, unknown>, keys: readonly string[]): [key: string, given: unknown] | undefined {
  const key = keys.find((one) => Object.hasOwn(value, one) && value[one] !== null && value[one] !== "");
  return key === undefined ? undefined : [key, value[key]];
}

const text = (value: Record<string, unknown>, keys: readonly string[]): string | null => asText(said(value, keys)?.[1]);
