import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "#proof/gate-environment.ts";
import type { GateInput } from "#proof/gate.ts";
import { runBounded } from "#proof/run-bounded.ts";
import { countsOf, type FileCoverage, type TestCase, type TestStatus } from "#proof/verdict.ts";
import { findPython, type Python } from "./find-python.ts";
import { installPython } from "./install-python.ts";
import type { Project } from "./project.ts";
import { blockedRun, cutShort, type TestRun } from "./test-run.ts";

const program = fileURLToPath(new URL("./python-runner.py", import.meta.url));

/** Runs a Python service's tests with pytest, or with unittest where they need no more, and measures line coverage. */
export async function runPythonTests(project: Project, input: GateInput, home: string): Promise<TestRun> {
  const files = pythonTests(project);
  if (files.length === 0) {
    return blockedRun("pytest", "no_tests", [`no test files were found: write them as ${project.base}tests/test_*.py`]);
  }
  const found = await findPython(home, input.signal);
  if (found === null) {
    const reason =
      "Python 3.8 or newer is not installed; install python3 (Debian: python3 python3-venv python3-pytest python3-coverage)";
    return blockedRun("pytest", "runner_missing", [reason], { missing: ["python3"] });
  }
  const installed = await installPython(project, found, input, home);
  if ("failed" in installed) return installed.failed;
  const { python } = installed;
  const runner = await runnerFor(python, project);
  if (typeof runner !== "string") return runner;

  return runPythonWith(runner, python, project, input, home);
}

/** Runs the tests with this runner of this Python, which must have it and coverage. */
export async function runPythonWith(
  runner: PythonRunner,
  python: Python,
  project: Project,
  input: GateInput,
  home: string,
): Promise<TestRun> {
  const { settings } = input;
  const absolute = (paths: string[]) => paths.map((path) => join(project.top, path));
  const plan = {
    runner,
    top: project.top,
    root: project.root,
    tests: absolute(pythonTests(project)),
    sources: absolute(project.sourceFiles),
  };
  // In a file, since one argument can hold no more than 128 KiB.
  const planPath = join(home, "plan.json");
  await writeFile(planPath, JSON.stringify(plan));
  const run = await runBounded({
    command: python.command,
    args: [program, planPath],
    cwd: project.root,
    environment: environmentFor(python, home),
    timeoutMs: settings.testTimeoutMs,
    outputKeptBytes: settings.outputKeptBytes,
    outputLimitBytes: settings.outputLimitBytes,
    signal: input.signal,
    ownFolder: dirname(home),
    report: true,
  });
  const messages = (run.report?.messages ?? []) as Message[];
  const cases = casesOf(messages);
  return {
    runner,
    blocked:
      cutShort(run, "the test run", { ...settings, timeoutMs: settings.testTimeoutMs }) ?? unfinished(run.report),
    exitCode: run.exitCode,
    counts: countsOf(cases),
    cases,
    coverage: coverageOf(messages, project),
    hiddenLines: messages.reduce((sum, one) => sum + (one.type === "coverage" ? one.excluded : 0), 0),
    output: run.output,
    notes: [],
  };
}

type Message =
  | { type: "test"; name: string; file: string; status: TestStatus; message?: string | null; wholeFile?: boolean }
  | { type: "coverage"; file: string; covered: number; total: number; excluded: number }
  | { type: "end" };

export type PythonRunner = "pytest" | "unittest";

function pythonTests(project: Project): string[] {
  return project.testFiles.filter((path) => path.endsWith(".py"));
}

/** pytest runs both kinds of tests; without it, unittest is enough for tests that are written for it alone. */
export async function runnerFor(python: Python, project: Project): Promise<PythonRunner | TestRun> {
  const missing = [...(python.coverage ? [] : ["coverage"]), ...(python.pytest ? [] : ["pytest"])];
  if (missing.length === 0) return "pytest";
  if (python.coverage && (await needOnlyUnittest(project))) return "unittest";
  const packages = missing.map((name) => `python3-${name}`).join(" ");
  const reason = `${missing.join(" and ")} not installed for ${python.command} (${python.version}); list it in requirements.txt, or install it (Debian: ${packages})`;
  return blockedRun("pytest", "runner_missing", [reason], { missing });
}

async function needOnlyUnittest(project: Project): Promise<boolean> {
  const texts = await Promise.all(pythonTests(project).map((path) => readFile(join(project.top, path), "utf8")));
  return texts.every((text) => /\bunittest\b/.test(text) && !/^\s*(?:import|from)\s+pytest\b/m.test(text));
}

/** Programs that the tests start by name (`python`, a console script) come from the same environment. */
function environmentFor(python: Python, home: string): Record<string, string> {
  const environment = testEnvironment(home);
  if (!python.command.startsWith(home)) return environment;
  return { ...environment, PATH: `${join(home, "venv", "bin")}:${environment.PATH}`, VIRTUAL_ENV: join(home, "venv") };
}

function casesOf(messages: Message[]): TestCase[] {
  return messages.flatMap((message) => {
    if (message.type !== "test") return [];
    const { name, file, status, message: text, wholeFile } = message;
    return [{ name, file, status, ...(text ? { message: text } : {}), ...(wholeFile ? { wholeFile } : {}) }];
  });
}

function coverageOf(messages: Message[], project: Project): FileCoverage[] {
  const measured = new Set(project.sourceFiles);
  return messages.flatMap((message) => {
    if (message.type !== "coverage" || message.total === 0) return [];
    const file = relative(project.top, resolve(message.file));
    // Helpers of tests (conftest.py) are loaded too, and are not what is to be covered.
    const beside = /(?:^|\/)(?:tests?|spec|e2e)\/|(?:^|\/)conftest\.py$/.test(file);
    if (beside && !measured.has(file)) return [];
    return [{ file, covered: message.covered, total: message.total }];
  });
}

function unfinished(report: { complete: boolean; forged: boolean } | null): TestRun["blocked"] {
  if (report?.forged === true) {
    return { kind: "tampered", reasons: ["something other than the test runner wrote to the report of the tests"] };
  }
  if (report?.complete === true) return null;
  return { kind: "ended_early", reasons: ["the tests ended their process (os._exit?) before all was reported"] };
}
