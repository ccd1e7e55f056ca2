import { lstat, readFile } from "node:fs/promises";
import { join } from "node:path";

/** They choose which tests run, how, and what is measured: the owner's to set, not the run's. */
const names = [
  "package.json",
  "Makefile",
  "makefile",
  "GNUmakefile",
  "justfile",
  "Taskfile.yml",
  "pytest.ini",
  "tox.ini",
  "setup.cfg",
  ".coveragerc",
  "noxfile.py",
  ...["jest.config", "vitest.config", "vite.config", "c8.config", "nyc.config"].flatMap((name) =>
    ["js", "mjs", "cjs", "ts", "mts", "cts", "json"].map((ending) => `${name}.${ending}`),
  ),
  ...[".mocharc", ".nycrc", ".c8rc"].flatMap((name) => [
    name,
    `${name}.json`,
    `${name}.js`,
    `${name}.cjs`,
    `${name}.yml`,
  ]),
];

/** A settings file larger than this is none. */
const LIMIT_BYTES = 256 << 10;

/**
 * Takes the owner's version of the files that steer a service's tests, for `GateSettings.pinnedFiles`: call it before
 * a run that may change them. With `refuseNew` a steering file that is not there yet may not be added by the run
 * (package.json apart, which a first build must write); without it only those that are there are held.
 */
export async function takeSteeringFiles(
  serviceDir: string,
  { refuseNew = false }: { refuseNew?: boolean } = {},
): Promise<Record<string, string | null>> {
  const pinned: Record<string, string | null> = {};
  for (const path of names.flatMap((name) => [name, `BUILD/${name}`])) {
    const text = await readIfFile(join(serviceDir, path));
    if (text !== null) pinned[path] = text;
    else if (refuseNew && !path.endsWith("package.json")) pinned[path] = null;
  }
  return pinned;
}

async function readIfFile(path: string): Promise<string | null> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isFile() !== true || stats.size > LIMIT_BYTES) return null;
  return readFile(path, "utf8");
}
