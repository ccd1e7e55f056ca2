import { existsSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SeenFacts } from "#lines/service/facts.ts";
import { messageOf } from "#system/failure.ts";
import { findServices } from "./find-services.ts";
import { readService } from "./read-service.ts";
import { readText } from "./read-text.ts";
import { indexRegistry, registryEntries, type RegistryEntry } from "./registry-entries.ts";

export type WorkspaceOptions = {
  /** The folder of services below the workspace. */
  services?: string;
  /** steward.yaml's sections about services, by folder name. */
  stated?: Record<string, Record<string, unknown>>;
};

export type Workspace = {
  /** Real paths. */
  root: string;
  folder: string;
  /** Null: every folder in it may be a service. Else only these are. */
  only: string[] | null;
  registryPath: string;
  services: SeenFacts[];
  /** What is wrong with the workspace, and not with one service. */
  problems: string[];
};

/** A registry of 10,000 services is about 4 MB. */
const registryCap = 64 << 20;

/** Everything that a workspace's files show, each service for itself. Fails only if `dir` is no folder. */
export function readWorkspace(dir: string, options: WorkspaceOptions = {}): Workspace {
  const { names, read, ...workspace } = openWorkspace(dir, options);
  return { ...workspace, services: names.map(read) };
}

/** The same without reading a service yet: for who wants one of them, or to take breath between them. */
export function openWorkspace(
  dir: string,
  { services, stated = {} }: WorkspaceOptions = {},
): Omit<Workspace, "services"> & { names: string[]; read(name: string): SeenFacts } {
  const { root, folder, only, names, problems } = findServices(dir, services === undefined ? {} : { services });
  const registryPath = registryIn([folder, root]);
  const registry = readRegistry(registryPath, problems);
  const read = (name: string) =>
    readService(join(folder, name), { within: root, registry: registry(name), stated: stated[name] ?? {} });
  return { root, folder, only, registryPath, names, read, problems };
}

/** The first that is there; where there is none, the place where it belongs. */
function registryIn(folders: readonly [string, ...string[]]): string {
  const paths = folders.map((folder) => join(folder, "SERVICE_REGISTRY.json"));
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}

type Registry = { entryOf: (name: string) => RegistryEntry | null; problem: string | null };

/** The registry as it was read last: each look at one service asks for it, and it may list thousands. */
const lastRead = new Map<string, { stamp: string; registry: Registry }>();

function readRegistry(path: string, problems: string[]): Registry["entryOf"] {
  const stamp = stampOf(path);
  const last = lastRead.get(path);
  const registry = last?.stamp === stamp && stamp !== "" ? last.registry : parseRegistry(path);
  lastRead.clear();
  lastRead.set(path, { stamp, registry });
  if (registry.problem !== null) problems.push(registry.problem);
  return registry.entryOf;
}

/**
 * Differs after every save; "" if there is nothing to remember. A file saved just now may be saved once more within the
 * same tick of the file system's clock (4 ms, at times 10), which would not show: it is read again.
 */
function stampOf(path: string): string {
  try {
    const { ino, size, mtimeNs, ctimeNs } = statSync(path, { bigint: true });
    const age = Date.now() - Number(ctimeNs / 1_000_000n);
    return age < 50 ? "" : `${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch {
    return ""; // Reading it says why.
  }
}

function parseRegistry(path: string): Registry {
  const none = { entryOf: () => null };
  const read = readText(path, { within: dirname(path), cap: registryCap });
  if ("problem" in read) {
    const problem = read.problem.endsWith("it is not there") ? null : `SERVICE_REGISTRY.json ${read.problem}`;
    return { ...none, problem };
  }
  try {
    return { entryOf: indexRegistry(registryEntries(JSON.parse(read.text))), problem: null };
  } catch (error) {
    const why = messageOf(error);
    return { ...none, problem: `SERVICE_REGISTRY.json is not JSON: ${why}. It is left alone, and so not read.` };
  }
}
