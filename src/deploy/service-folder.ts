// Where a service lives on this machine, and its small state files.
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, hasErrorCode } from "#system/failure.ts";

export type ServiceFolder = {
  service: string;
  path: string;
  /** One folder a version, read-only. */
  releases: string;
  /** One file a version: what was cut, from what, and how it is started. Written last: without it a cut is unfinished. */
  manifests: string;
  /** A link to the released version, for people. What counts is `record`. */
  current: string;
  /** What the service keeps; shared by its releases. */
  data: string;
  logs: string;
  /** One file a started release, with the identity of its process. */
  running: string;
  front: string;
  /** Which version is released and which were. */
  record: string;
  /** There while a change is being made; says how far it came. */
  journal: string;
  lock: string;
};

/** Throws a Failure for a name that would leave the root. */
export function serviceFolder(root: string, service: string): ServiceFolder {
  if (!/^[^./\\\0][^/\\\0]{0,99}$/u.test(service)) {
    throw new Failure(
      "invalid",
      `"${service}" cannot be a service's name: no slash, no leading dot, at most 100 characters`,
    );
  }
  const path = join(root, service);
  return {
    service,
    path,
    releases: join(path, "releases"),
    manifests: join(path, "manifests"),
    current: join(path, "current"),
    data: join(path, "data"),
    logs: join(path, "logs"),
    running: join(path, "running"),
    front: join(path, "front"),
    record: join(path, "service.json"),
    journal: join(path, "change.json"),
    lock: join(path, "change.lock"),
  };
}

/** Throws a Failure for a version that would leave the releases' folder. */
export function checkVersion(version: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._+-]{0,99}$/.test(version)) return version;
  throw new Failure(
    "invalid",
    `"${version}" cannot be a version: letters, digits, dots, dashes, plus and underscores, at most 100 characters`,
  );
}

/** A state file of ours; null if there is none. One that is broken is a Failure that names it. */
export async function readState<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
    if (error instanceof SyntaxError) {
      throw new Failure("unavailable", `${path} is not readable as JSON: restore it from a backup or delete it`);
    }
    throw error;
  }
}
