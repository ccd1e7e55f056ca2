import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import type { SeenFacts } from "#lines/service/facts.ts";
import { messageOf } from "#system/failure.ts";
import { findServices, isServiceName } from "./find-services.ts";
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

/** The same without reading a service yet, for who wants to take breath between them. */
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

/** One service again, after a change: as `readWorkspace` has it, without reading the others. */
export function rereadService(
  workspace: Pick<Workspace, "root" | "folder" | "registryPath">,
  name: string,
  { stated = {} }: WorkspaceOptions = {},
): SeenFacts | null {
  if (!isServiceName(name)) return null;
  const registry = readRegistry(workspace.registryPath, []);
  return readService(join(workspace.folder, name), {
    within: workspace.root,
    registry: registry(name),
    stated: stated[name] ?? {},
  });
}

/** The first that is there; where there is none, the place where it belongs. */
function registryIn(folders: readonly [string, ...string[]]): string {
  const paths = folders.map((folder) => join(folder, "SERVICE_REGISTRY.json"));
  return paths.find((path) => existsSync(path)) ?? paths[0]!;
}

function readRegistry(path: string, problems: string[]): (name: string) => RegistryEntry | null {
  const read = readText(path, { within: dirname(path), cap: registryCap });
  if ("problem" in read) {
    if (!read.problem.endsWith("it is not there")) problems.push(`SERVICE_REGISTRY.json ${read.problem}`);
    return () => null;
  }
  try {
    return indexRegistry(registryEntries(JSON.parse(read.text)));
  } catch (error) {
    problems.push(`SERVICE_REGISTRY.json is not JSON: ${messageOf(error)}. It is left alone, and so not read.`);
    return () => null;
  }
}
