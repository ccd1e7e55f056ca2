import type { RegistryFacts } from "#lines/service/facts.ts";

/** The keys under which people keep these things, in the order in which they are asked. */
export const registryKeys = {
  name: ["name", "service", "service_name", "serviceName", "id", "slug"],
  status: ["status", "state"],
  owner: ["owner", "maintainer", "responsible", "assigned_to", "team"],
  port: ["port", "service_port", "servicePort", "http_port"],
  url: ["url", "production_url", "productionUrl", "endpoint", "base_url"],
  path: ["path", "folder", "directory", "dir", "location"],
} as const;

/** One service of a registry, whichever of its three shapes it has: by name, in a list, or in a list under "services". */
export type RegistryEntry = RegistryFacts & {
  /** Its folder, if the registry says; else it is found by its name. */
  path: string | null;
};

/** The services that a registry's JSON lists. What is no service is passed over. */
export function registryEntries(json: unknown): RegistryEntry[] {
  const { list } = entriesIn(json);
  return list.flatMap(({ key, value }) => {
    const name = key ?? text(value, registryKeys.name);
    return name === null ? [] : [entryOf(name, value)];
  });
}

type Listed = { key: string | null; value: Record<string, unknown> };

function entriesIn(json: unknown): { list: Listed[] } {
  if (Array.isArray(json)) return { list: json.filter(isObject).map((value) => ({ key: null, value })) };
  if (!isObject(json)) return { list: [] };
  for (const key of ["services", "SERVICES", "registry"]) {
    if (Array.isArray(json[key]) || isObject(json[key])) return entriesIn(json[key]);
  }
  return {
    list: Object.entries(json).flatMap(([key, value]) =>
      isObject(value) && key !== "metadata" ? [{ key, value }] : [],
    ),
  };
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

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const first = (value: Record<string, unknown>, keys: readonly string[]): unknown =>
  keys.filter((key) => Object.hasOwn(value, key)).map((key) => value[key])[0];

function text(value: Record<string, unknown>, keys: readonly string[]): string | null {
  const found = first(value, keys);
  return typeof found === "string" && found.trim() !== ""
    ? found.trim()
    : typeof found === "number"
      ? String(found)
      : null;
}

/** Finds a service's entry: by its folder where the registry names one, else by name, spaces, case and dashes aside. */
export function indexRegistry(entries: readonly RegistryEntry[]): (folderName: string) => RegistryEntry | null {
  const byName = new Map<string, RegistryEntry>();
  for (const entry of entries) byName.set(loose(entry.name), entry);
  for (const entry of entries) {
    const folder = entry.path
      ?.replace(/[\\/]+$/, "")
      .split(/[\\/]/)
      .at(-1);
    if (folder !== undefined && folder !== "" && !/^BUILD$/i.test(folder)) byName.set(loose(folder), entry);
  }
  return (folderName) => byName.get(loose(folderName)) ?? null;
}

const loose = (name: string): string => name.toLowerCase().replace(/[\s_-]+/g, "-");
