import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { cp, mkdir, mkdtemp, readFile, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { installEnvironment } from "#proof/gate-environment.ts";
import type { GateInput } from "#proof/gate.ts";
import { runBounded, type BoundedRun } from "#proof/run-bounded.ts";
import { askPython, type Python } from "./find-python.ts";
import type { Project } from "./project.ts";
import { blockedRun, cutShort, type TestRun } from "./test-run.ts";

const WHAT = "pip install";

const REQUIREMENTS = /^(?:requirements(?:[-_.][\w-]+)?|(?:dev|test)[-_]requirements|requirements\/[\w-]+)\.txt$/;

/**
 * Makes the Python that has what requirements*.txt and pyproject.toml ask for: a virtual environment that also sees
 * the machine's packages, kept under the hash of what it was made from and copied into the scratch folder. With
 * nothing asked for, the machine's own.
 */
export async function installPython(
  project: Project,
  python: Python,
  input: GateInput,
  home: string,
): Promise<{ python: Python } | { failed: TestRun }> {
  const wanted = await wantedBy(project, python, input, home);
  if (wanted.length === 0) return { python };
  const local = wanted.some(({ text }) =>
    /^\s*(?:-e\b|--editable|-r\b|-c\b|\.{1,2}\/|file:)|@\s*file:|\.whl\b|\.tar\.gz\b/m.test(text),
  );
  const venv = join(home, "venv");
  if (local) {
    const failed = await makeVenv(venv, project, wanted, python, input, home);
    if (failed !== null) return { failed };
  } else {
    const key = createHash("sha256").update(`${python.command} ${python.version}\n`);
    for (const { name, text } of wanted) key.update(`${name} ${text.length}\n${text}\n`);
    const folder = join(input.cacheDir, "python");
    const kept = join(folder, key.digest("hex"));
    if ((await stat(kept).catch(() => null)) === null) {
      await mkdir(folder, { recursive: true });
      const making = await mkdtemp(join(folder, ".making-"));
      try {
        const failed = await makeVenv(join(making, "venv"), project, wanted, python, input, home);
        if (failed !== null) return { failed };
        await rename(join(making, "venv"), kept).catch(async (error: unknown) => {
          if ((await stat(kept).catch(() => null)) === null) throw error;
        });
      } finally {
        await rm(making, { recursive: true, force: true });
      }
    }
    await cp(kept, venv, { recursive: true, mode: constants.COPYFILE_FICLONE, verbatimSymlinks: true });
  }
  const made = await askPython(join(venv, "bin", "python"), home, input.signal);
  if (made !== null) return { python: made };
  return { failed: blockedRun(WHAT, "install_failed", ["the virtual environment's python does not start"]) };
}

type Wanted = { name: string; text: string };

async function wantedBy(project: Project, python: Python, input: GateInput, home: string): Promise<Wanted[]> {
  const wanted: Wanted[] = [];
  const below = [...project.files].filter((path) => path.startsWith(project.base));
  for (const name of below.map((path) => path.slice(project.base.length)).filter((path) => REQUIREMENTS.test(path))) {
    const text = await readFile(join(project.root, name), "utf8");
    if (/^\s*[^#\s]/m.test(text)) wanted.push({ name, text });
  }
  const listed = await pyprojectWants(project, python, input, home);
  return listed === "" ? wanted : [...wanted, { name: "pyproject.toml", text: listed }];
}

/** PEP 621 dependencies, and the extras and PEP 735 groups that tests use; read by the Python that has the parser. */
const pyprojectQuestion = `
import sys
try:
    import tomllib
except ImportError:
    sys.exit(0)
with open("pyproject.toml", "rb") as file:
    data = tomllib.load(file)
project = data.get("project", {})
names = ("test", "tests", "testing", "dev")
found = list(project.get("dependencies", []))
for group in (project.get("optional-dependencies", {}), data.get("dependency-groups", {})):
    for name in names:
        found += [one for one in group.get(name, []) if isinstance(one, str)]
print("\\n".join(found))`;

async function pyprojectWants(project: Project, python: Python, input: GateInput, home: string): Promise<string> {
  if (!project.files.has(`${project.base}pyproject.toml`)) return "";
  // Isolated (-I), so that no file of the service is imported in place of the parser.
  const run = await bounded(python.command, ["-I", "-c", pyprojectQuestion], project.root, input, home);
  return run.exitCode === 0 ? run.output.trim() : "";
}

async function makeVenv(
  venv: string,
  project: Project,
  wanted: Wanted[],
  python: Python,
  input: GateInput,
  home: string,
): Promise<TestRun | null> {
  const failed = await makeEmptyVenv(venv, python, input, home);
  if (failed !== null) return failed;
  const list = join(home, "pyproject-requirements.txt");
  const args: string[] = [];
  for (const { name, text } of wanted) {
    if (name === "pyproject.toml") await writeFile(list, text);
    args.push("-r", name === "pyproject.toml" ? list : name);
  }
  const pip = [
    "-m",
    "pip",
    "install",
    "--quiet",
    "--disable-pip-version-check",
    "--no-input",
    "--retries=1",
    "--timeout=15",
  ];
  const cache = `--cache-dir=${join(input.cacheDir, "pip")}`;
  const run = await bounded(join(venv, "bin", "python"), [...pip, cache, ...args], project.root, input, home);
  const cut = cutShort(run, WHAT, { ...input.settings, timeoutMs: input.settings.installTimeoutMs });
  if (cut !== null) {
    return blockedRun(WHAT, cut.kind === "cancelled" ? "cancelled" : "install_failed", cut.reasons, {
      output: run.output,
    });
  }
  if (run.exitCode === 0) return null;
  return blockedRun(WHAT, "install_failed", [`${WHAT} failed: ${errorsOf(run.output)}`], { output: run.output });
}

/** Putting pip into it takes seconds; where the machine's own pip is seen from inside, it is not needed. */
async function makeEmptyVenv(venv: string, python: Python, input: GateInput, home: string): Promise<TestRun | null> {
  const inside = join(venv, "bin", "python");
  const made = await bounded(
    python.command,
    ["-m", "venv", "--system-site-packages", "--without-pip", venv],
    home,
    input,
    home,
  );
  if (made.exitCode !== 0) return noVenv(python, made);
  const seen = await bounded(inside, ["-m", "pip", "--version"], home, input, home);
  if (seen.exitCode === 0) return null;
  const put = await bounded(inside, ["-m", "ensurepip", "--default-pip"], home, input, home);
  return put.exitCode === 0 ? null : noVenv(python, put);
}

function noVenv(python: Python, run: BoundedRun): TestRun {
  const what = "python -m venv";
  if (run.ended === "cancelled")
    return blockedRun(what, "cancelled", [`${what} was ended because the check was called off`]);
  const reason = `${python.command} cannot make a virtual environment; install what it needs (Debian: python3-venv python3-pip)`;
  return blockedRun(what, "runner_missing", [reason], { output: run.output, missing: ["python3-venv"] });
}

function bounded(command: string, args: string[], cwd: string, input: GateInput, home: string) {
  const { installTimeoutMs: timeoutMs, outputKeptBytes, outputLimitBytes } = input.settings;
  const environment = installEnvironment(home);
  return runBounded({
    command,
    args,
    cwd,
    environment,
    timeoutMs,
    outputKeptBytes,
    outputLimitBytes,
    signal: input.signal,
  });
}

function errorsOf(output: string): string {
  const lines = output
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^(?:ERROR|error|WARNING: Retrying)/i.test(line));
  const errors = lines.filter((line) => /^error/i.test(line));
  return (errors.length > 0 ? errors : lines).slice(0, 4).join("; ").slice(0, 600) || "pip gave no reason";
}
