import { constants } from "node:fs";
import { cp, mkdtemp, mkdir, readFile, rename, rm, stat } from "node:fs/promises";
import { createHash } from "node:crypto";
import { join } from "node:path";
import { installEnvironment } from "#proof/gate-environment.ts";
import type { GateInput } from "#proof/gate.ts";
import { runBounded } from "#proof/run-bounded.ts";
import type { Project } from "./project.ts";
import { blockedRun, cutShort, type TestRun } from "./test-run.ts";

const LOCKFILES = ["package-lock.json", "npm-shrinkwrap.json"];
const OPTIONS = [
  "--ignore-scripts",
  "--no-audit",
  "--no-fund",
  "--no-update-notifier",
  "--loglevel=error",
  // Two retries, soon: npm's own waits of 10 s and a minute would pass for a hang.
  "--fetch-retry-mintimeout=1000",
  "--fetch-retry-maxtimeout=4000",
];

/**
 * Puts node_modules into the clean copy, where package.json asks for any: by the lockfile where there is one. Install
 * scripts are not run. An install is kept under the hash of what it was made from, and *copied* out of there, so that
 * no test can change what the next proof will use. Null when it is in place; else the run that could not be made.
 */
export async function installNode(project: Project, input: GateInput, home: string): Promise<TestRun | null> {
  const plan = await planOf(project);
  if (plan === null) return null;
  const target = join(project.root, "node_modules");
  // Packages of the service's own tree are links into it: only an install in place gets them right.
  if (plan.local) return install(project.root, plan, input, home);
  const kept = join(input.cacheDir, "node", plan.key);
  if ((await stat(kept).catch(() => null)) === null) {
    const failed = await installInto(kept, project, plan, input, home);
    if (failed !== null) return failed;
  }
  await cp(kept, target, { recursive: true, mode: constants.COPYFILE_FICLONE, verbatimSymlinks: true });
  return null;
}

type Plan = { files: Map<string, string>; locked: boolean; local: boolean; key: string };

async function planOf(project: Project): Promise<Plan | null> {
  const files = new Map<string, string>();
  for (const name of ["package.json", ...LOCKFILES, ".npmrc"]) {
    const text = await readFile(join(project.root, name), "utf8").catch(() => null);
    if (text !== null) files.set(name, text);
  }
  const manifest = parsed(files.get("package.json"));
  const wanted = {
    ...asObject(manifest.devDependencies),
    ...asObject(manifest.optionalDependencies),
    ...asObject(manifest.dependencies),
  };
  if (Object.keys(wanted).length === 0 && manifest.workspaces === undefined) return null;
  const local =
    manifest.workspaces !== undefined ||
    Object.values(wanted).some((range) => /^(?:file:|link:|\.|\/|~)/.test(String(range)));
  // The version of Node and the platform: installed packages may choose binaries by them.
  const key = createHash("sha256").update(`${process.version} ${process.platform} ${process.arch}\n`);
  for (const [name, text] of files) key.update(`${name} ${text.length}\n${text}\n`);
  return { files, locked: LOCKFILES.some((name) => files.has(name)), local, key: key.digest("hex") };
}

/** Made beside its place and renamed into it, so that a half-made install is never used; the first to finish wins. */
async function installInto(
  kept: string,
  project: Project,
  plan: Plan,
  input: GateInput,
  home: string,
): Promise<TestRun | null> {
  await mkdir(join(input.cacheDir, "node"), { recursive: true });
  const making = await mkdtemp(join(input.cacheDir, "node", ".making-"));
  try {
    for (const name of plan.files.keys()) await cp(join(project.root, name), join(making, name));
    const failed = await install(making, plan, input, home);
    if (failed !== null) return failed;
    await mkdir(join(making, "node_modules"), { recursive: true });
    await rename(join(making, "node_modules"), kept).catch(async (error: unknown) => {
      if ((await stat(kept).catch(() => null)) === null) throw error;
    });
    return null;
  } finally {
    await rm(making, { recursive: true, force: true });
  }
}

async function install(folder: string, plan: Plan, input: GateInput, home: string): Promise<TestRun | null> {
  const { settings } = input;
  const what = plan.locked ? "npm ci" : "npm install";
  const run = await runBounded({
    command: "npm",
    args: [plan.locked ? "ci" : "install", ...OPTIONS, `--cache=${join(input.cacheDir, "npm")}`],
    cwd: folder,
    environment: installEnvironment(home),
    timeoutMs: settings.installTimeoutMs,
    outputKeptBytes: settings.outputKeptBytes,
    outputLimitBytes: settings.outputLimitBytes,
    signal: input.signal,
  });
  if (run.ended === "not_started") {
    const reason = "npm is not installed, and package.json declares dependencies; install npm (Debian: npm)";
    return blockedRun(what, "runner_missing", [reason], { missing: ["npm"] });
  }
  const cut = cutShort(run, what, { ...settings, timeoutMs: settings.installTimeoutMs });
  if (cut !== null) {
    // An install that hangs says nothing about the tests.
    const kind = cut.kind === "cancelled" ? "cancelled" : "install_failed";
    return blockedRun(what, kind, cut.reasons, { output: run.output });
  }
  if (run.exitCode === 0) return null;
  return blockedRun(what, "install_failed", [`${what} failed: ${errorsOf(run.output)}`], { output: run.output });
}

/** npm's own lines, without their prefix and without where it put its log. */
function errorsOf(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.replace(/^npm (?:error|ERR!)\s?/, "").trim())
    .filter((line) => line !== "" && !/complete log|_logs/.test(line));
  return lines.slice(0, 6).join("; ").slice(0, 600) || "npm gave no reason";
}

function parsed(text: string | undefined): Record<string, unknown> {
  try {
    return asObject(JSON.parse(text ?? "{}"));
  } catch {
    // A package.json that is not JSON: npm says so better than we could, if the tests need it at all.
    return {};
  }
}

function asObject(value: unknown): Record<string, unknown> {
  return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
}
