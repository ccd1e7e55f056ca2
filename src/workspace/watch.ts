import { lstatSync, readdirSync, watch, type FSWatcher } from "node:fs";
import { basename, dirname, join } from "node:path";
import { isIgnoredFolder } from "#proof/tree.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";
import { isServiceName } from "./find-services.ts";
import { settleWindow, type Timers } from "./settle.ts";

export type WatchOptions = {
  /** The folder whose children are services, as a real path. */
  folder: string;
  /** Where the workspace is one service, its name: its neighbours are none. */
  only?: readonly string[] | null;
  /** A service's files have been still for the settle window. It may also be gone. */
  changed: (service: string) => void;
  /** The registry was saved, and has settled. */
  registryChanged?: () => void;
  /** Some folders cannot be watched, and only the sweep sees their changes. Told once, in words for the owner. */
  degraded?: (reason: string) => void;
  /** Milliseconds. */
  settle?: number;
  timers?: Timers;
  /** Lets a test see what happens on a machine without watches to spare. */
  watchFolder?: typeof watch;
};

export type ServiceWatch = {
  start(): void;
  stop(): void;
  /** Its files changed less than a settle window ago, so that what is read of them may be half of it. */
  isSettling(service: string): boolean;
  watchedFolders(): number;
};

/**
 * Watches the files of all services and says when one changed and has become still.
 *
 * One watch for each folder: a recursive one took nine times as many and missed the save by rename that editors use.
 * The folder of every event is listed again, so that new folders are watched and ones made anew are not watched by a
 * watch on their dead predecessor. Start and stop may each be called twice.
 */
export function watchServices({
  folder,
  only = null,
  changed,
  registryChanged = () => {},
  degraded = () => {},
  settle = 2000,
  timers,
  watchFolder = watch,
}: WatchOptions): ServiceWatch {
  const watchers = new Map<string, FSWatcher>();
  const stale = new Map<string, number>();
  const settling = settleWindow({ settle, ...(timers === undefined ? {} : { timers }), settled });
  let running = false;
  let isDegraded = false;

  function settled(key: string): void {
    if (key === registryKey) registryChanged();
    else changed(key);
  }

  /** Watches a folder and all below it. One that is watched already stays as it is: it tells of its own children. */
  function cover(path: string, depth: number): void {
    if (!running || watchers.has(path) || !watchOne(path, depth)) return;
    for (const name of foldersIn(path, depth)) cover(join(path, name), depth + 1);
  }

  function watchOne(path: string, depth: number): boolean {
    try {
      const watcher = watchFolder(path, (event, name) => happened(path, depth, event, name));
      watcher.on("error", () => uncover(path));
      watchers.set(path, watcher);
      return true;
    } catch (error) {
      if (hasErrorCode(error, "EMFILE", "ENFILE", "ENOSPC")) giveUp(path, error);
      return false; // Gone between the listing and here, or not ours to read: the sweep tells which.
    }
  }

  function giveUp(path: string, error: unknown): void {
    if (isDegraded) return;
    isDegraded = true;
    degraded(
      `${path} and more cannot be watched (${messageOf(error)}): ${watchers.size} folders are, the rest are only swept. ` +
        "Raise fs.inotify.max_user_watches and max_user_instances to see every change at once.",
    );
  }

  function uncover(path: string): void {
    if (!watchers.has(path)) return; // Nothing below a folder is watched without it.
    for (const [watched, watcher] of watchers) {
      if (watched !== path && !watched.startsWith(`${path}/`)) continue;
      watcher.close();
      watchers.delete(watched);
    }
  }

  function happened(path: string, depth: number, event: string, name: string | null): void {
    if (!running) return;
    if (depth === parentDepth) {
      if (event === "rename" && (name === null || name === basename(folder))) recoverAll();
      return;
    }
    if (name !== null && isNoise(name)) return;
    // Whatever was made, moved or deleted under this name is another thing now.
    if (event === "rename") refresh(path, depth, name);
    if (depth > 0) settling.touch(serviceOf(path));
    else if (name === null) foldersIn(path, 0).forEach((service) => settling.touch(service));
    else if (name === registryName) settling.touch(registryKey);
    else if (isOurs(name, 0)) settling.touch(name);
  }

  function refresh(path: string, depth: number, name: string | null): void {
    if (name !== null) {
      const child = join(path, name);
      uncover(child);
      if (isOurs(name, depth) && depth < deepest && isFolder(child)) cover(child, depth + 1);
    }
    // Events come in bursts; one listing after the burst finds what an event was lost for.
    if (stale.size === 0) setImmediate(relist);
    stale.set(path, depth);
  }

  function relist(): void {
    const paths = [...stale];
    stale.clear();
    for (const [path, depth] of paths) {
      if (!isFolder(path)) uncover(path);
      // Without watches to spare, each further folder would only fail again.
      else if (!isDegraded) for (const name of foldersIn(path, depth)) cover(join(path, name), depth + 1);
    }
  }

  /** The folder of services itself was moved, deleted or made anew. */
  function recoverAll(): void {
    const known = new Set(
      [...watchers.keys()].filter((path) => dirname(path) === folder).map((path) => basename(path)),
    );
    uncover(folder);
    if (isFolder(folder)) cover(folder, 0);
    for (const service of new Set([...known, ...foldersIn(folder, 0)])) settling.touch(service);
  }

  const isOurs = (name: string, depth: number): boolean =>
    depth === 0 ? isServiceName(name) && (only === null || only.includes(name)) : !isUnwatched(name);

  function foldersIn(path: string, depth: number): string[] {
    if (depth >= deepest) return [];
    try {
      return readdirSync(path, { withFileTypes: true })
        .filter((entry) => entry.isDirectory() && isOurs(entry.name, depth))
        .map(({ name }) => name);
    } catch {
      return [];
    }
  }

  const serviceOf = (path: string): string => path.slice(folder.length + 1).split("/")[0]!;

  return {
    start() {
      if (running) return;
      running = true;
      isDegraded = false;
      watchOne(dirname(folder), parentDepth);
      cover(folder, 0);
    },
    stop() {
      running = false;
      settling.clear();
      for (const watcher of watchers.values()) watcher.close();
      watchers.clear();
    },
    isSettling: (service) => settling.has(service),
    watchedFolders: () => watchers.size,
  };
}

const registryName = "SERVICE_REGISTRY.json";
/** No folder has this name. */
const registryKey = "/registry";
/** The folder above the services', watched for the one name in it. */
const parentDepth = -1;
/** As deep as detection looks: below a service's folder, which is depth 1. */
const deepest = 7;

function isFolder(path: string): boolean {
  try {
    return lstatSync(path).isDirectory();
  } catch {
    return false;
  }
}

/** PRODUCTION/ holds what Steward itself writes. */
const isUnwatched = (name: string): boolean => name === "PRODUCTION" || isIgnoredFolder(name);

/** What editors and tools leave for a moment beside the file that is meant. The save itself is its own event. */
const isNoise = (name: string): boolean =>
  /~$|\.sw[a-z]$|\.tmp$|\.part$|^\.#|^#.*#$|^4913$|^\.goutputstream|^\.DS_Store$|^\.coverage|\.py[co]$/.test(name) ||
  isUnwatchedName(name);

const isUnwatchedName = (name: string): boolean =>
  name === "PRODUCTION" || name === "node_modules" || name === "__pycache__" || name === ".git" || name === ".steward";
