import { lstat, readFile } from "node:fs/promises";
import { join, posix } from "node:path";

const settingsEndings = ["js", "mjs", "cjs", "ts", "mts", "cts", "json"];

/** They choose which tests run, how, and what is measured: the owner's to set, not the run's. */
const names = [
  "package.json",
  "pyproject.toml",
  "Makefile",
  "makefile",
  "GNUmakefile",
  "justfile",
  "Justfile",
  "Taskfile.yml",
  "pytest.ini",
  ".pytest.ini",
  "tox.ini",
  "setup.cfg",
  ".coveragerc",
  "noxfile.py",
  // They say which shell, and which options, a package manager runs a script with.
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  ".pnpmfile.cjs",
  "bunfig.toml",
  // `python -m pytest` looks here first.
  ...["pytest", "coverage", "unittest", "nose2"].flatMap((name) => [
    `${name}.py`,
    `${name}/__init__.py`,
    `${name}/__main__.py`,
  ]),
  "sitecustomize.py",
  ...["jest", "vitest", "vite", "c8", "nyc", "ava", "playwright"].flatMap((name) =>
    settingsEndings.map((ending) => `${name}.config.${ending}`),
  ),
  ...[".mocharc", ".nycrc", ".c8rc", ".taprc"].flatMap((name) => [
    name,
    ...["json", "jsonc", "js", "cjs", "yml", "yaml"].map((ending) => `${name}.${ending}`),
  ]),
];

/** A run may write these anew: a first build must. What of them steers the tests is held by apply-pins.ts. */
const mayBeNew = /(?:^|\/)package\.json$/;

/** A settings file larger than this is none. */
const LIMIT_BYTES = 256 << 10;

/**
 * Takes the owner's version of the files that steer a service's tests, for `GateSettings.pinnedFiles`: call it before
 * a run that may change them. With `refuseNew` a steering file that is not there yet may not be added by the run
 * (package.json apart, which a first build must write); without it only those that are there are held. Scripts that
 * the stated `command` runs, also by way of package.json, a Makefile or another script, are held as well.
 */
export async function takeSteeringFiles(
  serviceDir: string,
  { refuseNew = false, command = "" }: { refuseNew?: boolean; command?: string } = {},
): Promise<Record<string, string | null>> {
  const pinned: Record<string, string | null> = {};
  for (const path of names.flatMap((name) => [name, `BUILD/${name}`])) {
    const text = await readIfFile(join(serviceDir, path));
    if (text !== null) pinned[path] = text;
    else if (refuseNew && !mayBeNew.test(path)) pinned[path] = null;
  }
  return { ...(await takeScripts(serviceDir, command, pinned)), ...pinned };
}

/** A command names a handful; a script that names more is no script. */
const MOST_SCRIPTS = 50;

/** The scripts that a command names, those that they name, and so on. */
async function takeScripts(
  serviceDir: string,
  command: string,
  steering: Readonly<Record<string, string | null>>,
): Promise<Record<string, string>> {
  const scripts: Record<string, string> = {};
  if (command === "") return scripts;
  const texts = [command, ...Object.values(steering).filter((text) => text !== null)];
  for (let text = texts.pop(); text !== undefined; text = texts.pop()) {
    for (const path of scriptsNamedIn(text)) {
      if (path in scripts || path in steering || Object.keys(scripts).length >= MOST_SCRIPTS) continue;
      const found = await readIfFile(join(serviceDir, path));
      if (found === null) continue;
      scripts[path] = found;
      texts.push(found);
    }
  }
  return scripts;
}

/**
 * What looks like a script: by its ending, or by the folder that it is in. Not what looks like tests or sources, which
 * are an agent's to change, though a command may name them.
 */
function scriptsNamedIn(text: string): string[] {
  const words = text.slice(0, LIMIT_BYTES).split(/[\s"'`;&|()<>=,:{}[\]$]+/);
  const paths = words.map((word) => posix.normalize(word.replace(/^(?:\.\/)+/, "")));
  const scripts = paths.filter(
    (path) =>
      path.length <= 300 &&
      !path.startsWith("/") &&
      !path.startsWith("..") &&
      (/\.(?:sh|bash|zsh)$/.test(path) || /^(?:BUILD\/)?(?:scripts?|tools?|bin|ci|\.ci|hack)\//.test(path)),
  );
  return [...new Set(scripts.flatMap((path) => [path, `BUILD/${path}`]))];
}

async function readIfFile(path: string): Promise<string | null> {
  const stats = await lstat(path).catch(() => null);
  if (stats?.isFile() !== true || stats.size > LIMIT_BYTES) return null;
  return readFile(path, "utf8");
}
