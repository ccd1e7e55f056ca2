import { readdirSync, realpathSync, statSync, type Dirent } from "node:fs";
import { basename, dirname, join, resolve } from "node:path";
import { Failure, messageOf } from "#system/failure.ts";
import { isInside } from "#system/files.ts";
import { isToolFolder } from "#proof/tool-folders.ts";
import { isIgnoredFolder } from "#proof/tree.ts";

export type FoundServices = {
  /** The workspace, as a real path: the tree out of which no link is followed. */
  root: string;
  /** The folder whose children are services. */
  folder: string;
  /** Null: every folder in it may be a service. Else only these are. */
  only: string[] | null;
  /** Sorted by name. */
  names: string[];
  problems: string[];
};

/**
 * Finds the services of `dir`: those in its SERVICES/ (or the folder that `services` names), those in `dir` itself if it
 * is a folder of services, or `dir` alone if it is one service.
 * Fails with "not_found" if `dir` is not a folder.
 */
export function findServices(dir: string, { services = "SERVICES" }: { services?: string } = {}): FoundServices {
  const root = realFolder(dir);
  const folder = servicesFolder(root, services);
  if (folder !== null) return { root, folder, only: null, ...servicesIn(folder) };
  if (isService(root))
    return { root, folder: dirname(root), only: [basename(root)], names: [basename(root)], problems: [] };
  const { names, problems } = servicesIn(root);
  // Nobody said that this is a folder of services, so what looks like tooling is taken for that.
  return { root, folder: root, only: null, names: names.filter((name) => !isIgnoredFolder(name)), problems };
}

/** The services in a folder: its folders, but for hidden and installed ones and those whose name begins with "_". */
function servicesIn(folder: string): { names: string[]; problems: string[] } {
  try {
    const names = readdirSync(folder, { withFileTypes: true })
      .filter((entry) => isServiceName(entry.name) && (entry.isDirectory() || leadsToFolder(folder, entry)))
      .map(({ name }) => name);
    return { names: names.toSorted((a, b) => (a < b ? -1 : 1)), problems: [] };
  } catch (error) {
    return { names: [], problems: [`${folder} cannot be listed: ${messageOf(error)}`] };
  }
}

export const isServiceName = (name: string): boolean =>
  !/^[_.]/.test(name) && !isToolFolder(name) && !installed.has(name);

const installed = new Set(["bower_components", "site-packages"]);

function realFolder(dir: string): string {
  const path = resolve(dir);
  try {
    const real = realpathSync(path);
    if (statSync(real).isDirectory()) return real;
  } catch (error) {
    throw new Failure("not_found", `${path} cannot be read: ${messageOf(error)}. Name a folder that is there.`);
  }
  throw new Failure("not_found", `${path} is not a folder. Name the folder that holds your services.`);
}

function servicesFolder(root: string, services: string): string | null {
  const wanted = resolve(root, services);
  if (!isInside(root, wanted))
    throw new Failure("invalid", `services: "${services}" leads out of ${root}. Name a folder inside it.`);
  for (const candidate of new Set([
    wanted,
    ...(services === "SERVICES" ? [join(root, "services"), join(root, "Services")] : []),
  ])) {
    try {
      const real = realpathSync(candidate);
      if (isInside(root, real) && statSync(real).isDirectory()) return real;
    } catch {
      // Not there: the next spelling, or the folder itself.
    }
  }
  return null;
}

/** A folder is one service, and not a folder of them, if it has a spec, or a service's shape and no child with a spec. */
function isService(folder: string): boolean {
  const own = childrenOf(folder);
  if (own.some(({ name }) => specName.test(name))) return true;
  const folders = own.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  const withSpec = folders.filter((name) => childrenOf(join(folder, name)).some((child) => specName.test(child.name)));
  if (withSpec.length > 0) return withSpec.every((name) => partOfService.test(name));
  return (
    folders.some((name) => /^(?:BUILD|PRODUCTION|SPECS)$/.test(name)) || own.some(({ name }) => manifestName.test(name))
  );
}

const specName = /^specs?\.(?:md|markdown)$/i;
/** Where a service keeps its own spec, so that it is no service itself. */
const partOfService = /^(?:specs?|docs?|build|documentation)$/i;
const manifestName = /^(?:package\.json|requirements\.txt|pyproject\.toml|go\.mod|Cargo\.toml)$/;

function childrenOf(folder: string): Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true });
  } catch {
    return [];
  }
}

/** Also a link that leads out, or nowhere: it is listed as a service, so that its reason can be told. */
function leadsToFolder(folder: string, entry: Dirent): boolean {
  if (!entry.isSymbolicLink()) return false;
  try {
    return statSync(join(folder, entry.name)).isDirectory();
  } catch {
    return true;
  }
}
