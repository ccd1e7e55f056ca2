import { readFile, writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";
import { testEnvironment } from "#proof/gate-environment.ts";
import type { GateInput } from "#proof/gate.ts";
import { runBounded } from "#proof/run-bounded.ts";
import { countsOf, type FileCoverage, type TestCase } from "#proof/verdict.ts";
import { installNode } from "./install-node.ts";
import { neverLoaded } from "./never-loaded.ts";
import type { Project } from "./project.ts";
import { blockedRun, cutShort, type TestRun } from "./test-run.ts";

const reporter = fileURLToPath(new URL("./node-reporter.mjs", import.meta.url));
const exitGuard = new URL("./node-exit-guard.mjs", import.meta.url);
const RUNNER = "node --test";

/** What node-exit-guard.mjs makes of an exit with 0. */
const ENDED_ITSELF = 87;

/**
 * Runs a Node service's tests with this program's own Node, and never by the script in its package.json, which the
 * run may have changed. What counts is what our recorder signs, and not what is printed or returned.
 */
export async function runNodeTests(project: Project, input: GateInput, home: string): Promise<TestRun> {
  const { settings } = input;
  const files = project.testFiles.filter((path) => /\.[cm]?[jt]s$/.test(path));
  if (files.length === 0) return blockedRun(RUNNER, "no_tests", [noTests(project)]);
  const foreign = await foreignFramework(project, files);
  if (foreign !== null) {
    const reason = `the tests are written for ${foreign}: state how to run them, as test: npm test in steward.yaml`;
    return blockedRun(RUNNER, "runner_missing", [reason], { missing: [foreign] });
  }
  const installed = await installNode(project, input, home);
  if (installed !== null) return installed;

  const paths = files.map((path) => join(project.top, path));
  const guard = new URL(exitGuard);
  guard.searchParams.set("files", join(home, "test-files.json"));
  guard.searchParams.set("ended", join(home, "test-files-ended"));
  await writeFile(join(home, "test-files.json"), JSON.stringify(paths));
  const run = await runBounded({
    command: process.execPath,
    args: [
      "--test",
      "--experimental-test-coverage",
      // Stated, so that only installed code is left out: by default Node also leaves out what looks like a test.
      "--test-coverage-exclude=**/node_modules/**",
      "--disable-warning=ExperimentalWarning",
      `--import=${guard.href}`,
      `--test-reporter=${reporter}`,
      "--test-reporter-destination=stdout",
      ...paths.map(asPattern),
    ],
    // Coverage is only measured below here.
    cwd: files.every((path) => path.startsWith(project.base)) ? project.root : project.top,
    environment: testEnvironment(home),
    timeoutMs: settings.testTimeoutMs,
    outputKeptBytes: settings.outputKeptBytes,
    outputLimitBytes: settings.outputLimitBytes,
    signal: input.signal,
    ownFolder: dirname(home),
    report: true,
  });

  const messages = (run.report?.messages ?? []) as Message[];
  const cases = casesOf(messages, project);
  const result: TestRun = {
    runner: RUNNER,
    blocked: cutShort(run, "the test run", { ...settings, timeoutMs: settings.testTimeoutMs }),
    exitCode: run.exitCode,
    counts: countsOf(cases),
    cases,
    coverage: await coverageOf(messages, project),
    output: run.output,
    notes: [],
  };
  result.blocked ??= await endedEarly(run.report, messages, files, project, await endedFiles(home));
  return result;
}

/** What node-exit-guard.mjs wrote down. */
async function endedFiles(home: string): Promise<ReadonlySet<string>> {
  const lines = await readFile(join(home, "test-files-ended"), "utf8").catch(() => "");
  return new Set(lines.split("\n").flatMap((line) => (line === "" ? [] : [JSON.parse(line) as string])));
}

type Message =
  | {
      type: "test";
      passed: boolean;
      name: string;
      suite: boolean;
      skipped: boolean;
      todo: boolean;
      file: string;
      parent: string;
      failure: string;
      exitCode: number | null;
      message?: string;
    }
  | { type: "summary"; file: string | null; success: boolean }
  | { type: "coverage"; file: string; covered: number; total: number; idle: number[] }
  | { type: "end" };

function noTests(project: Project): string {
  const place = project.base === "" ? "tests/" : `${project.base}tests/`;
  return `no test files were found: write them as ${place}*.test.js, with node:test`;
}

/** `node --test` takes patterns: a file named [id].test.js must mean itself. */
function asPattern(path: string): string {
  return path.replaceAll(/[*?[{(]/g, "[$&]");
}

const frameworks = /\b(?:from|require\()\s*\(?["'](vitest|@jest\/globals|jest|mocha|ava|tap|jasmine|uvu|bun:test)["']/;

/** The framework that the tests are written for, if it is not Node's own: they name it, or only package.json does. */
async function foreignFramework(project: Project, files: string[]): Promise<string | null> {
  const texts = await Promise.all(files.map((path) => readFile(join(project.top, path), "utf8")));
  for (const text of texts) {
    const named = frameworks.exec(text)?.[1];
    if (named !== undefined) return named.replace("@jest/globals", "jest");
  }
  if (texts.some((text) => text.includes("node:test"))) return null;
  const manifest = await readFile(join(project.root, "package.json"), "utf8").catch(() => "");
  return /"(vitest|jest|mocha|ava|tap|jasmine|uvu)"\s*:\s*"/.exec(manifest)?.[1] ?? null;
}

function casesOf(messages: Message[], project: Project): TestCase[] {
  return messages.flatMap((message): TestCase[] => {
    if (message.type !== "test") return [];
    const file = relative(project.top, message.file);
    // Node counts a test file as one more test. It is one only when it broke before its tests could run.
    const wholeFile = message.parent === "" && message.file !== "" && isFileItself(message.name, message.file, project);
    if (wholeFile && message.passed) return [];
    if (message.suite && (message.passed || message.failure === "subtestsFailed")) return [];
    if (wholeFile && message.failure === "subtestsFailed") return [];
    const status = message.skipped || message.todo ? "skipped" : message.passed ? "passed" : "failed";
    const name = wholeFile ? file : message.parent === "" ? message.name : `${message.parent} > ${message.name}`;
    return [
      {
        name,
        file,
        status,
        ...(message.message === undefined ? {} : { message: message.message }),
        ...(wholeFile ? { wholeFile: true } : {}),
      },
    ];
  });
}

function isFileItself(name: string, file: string, project: Project): boolean {
  return [project.root, project.top].some((folder) => join(folder, name) === file) || name === file;
}

async function coverageOf(messages: Message[], project: Project): Promise<FileCoverage[]> {
  // What the sources load is a source, though it lie among the tests.
  const tests = new Set(project.testFiles.filter((path) => !project.sourceFiles.includes(path)));
  const measured = new Map<string, FileCoverage>();
  for (const message of messages) {
    if (message.type !== "coverage") continue;
    const file = relative(project.top, message.file);
    if (file.startsWith("..") || tests.has(file) || isBesideTests(file, project)) continue;
    measured.set(file, { file, ...(await spreadOut(message)) });
  }
  const loaded = [...measured.values()];
  return [...loaded, ...(await neverLoaded(project, loaded))];
}

/**
 * A line counts as covered as soon as anything on it ran, so that a whole file on one line would always be. A line that
 * is longer than anybody writes and has something on it that never ran counts as the lines it would be, none covered.
 */
async function spreadOut({
  file,
  covered,
  total,
  idle,
}: {
  file: string;
  covered: number;
  total: number;
  idle: number[];
}) {
  if (idle.length === 0) return { covered, total };
  const lines = (await readFile(file, "utf8").catch(() => "")).split("\n");
  const crammed = idle.map((line) => lines[line - 1]?.length ?? 0).filter((length) => length > LONG_LINE);
  const more = crammed.reduce((sum, length) => sum + Math.ceil(length / USUAL_LINE) - 1, 0);
  return { covered: Math.max(0, covered - crammed.length), total: total + more };
}

/** In characters. Formatters break lines at 80 to 120; a long text or pattern may pass that. */
const LONG_LINE = 200;
const USUAL_LINE = 80;

/** Helpers and fixtures of tests are no more covered code than the tests are. */
function isBesideTests(file: string, project: Project): boolean {
  return /(?:^|\/)(?:tests?|__tests__|spec|e2e)\//.test(file) && !project.sourceFiles.includes(file);
}

/**
 * A recorder that was cut off, a forged line, or a file whose process ended before its tests had: none is a pass.
 * Such a file is known by the exit guard, which turns such an end into a failure and writes down every end that is
 * one; or, where it went past that, by the summary that it owes: every file that registers a test at its top level
 * closes with one.
 */
async function endedEarly(
  report: { complete: boolean; forged: boolean } | null,
  messages: Message[],
  files: string[],
  project: Project,
  ended: ReadonlySet<string>,
): Promise<TestRun["blocked"]> {
  if (report?.forged === true) {
    return { kind: "tampered", reasons: ["something other than the test runner wrote to the report of the tests"] };
  }
  if (report?.complete !== true) {
    return { kind: "ended_early", reasons: ["the test runner ended before it had reported everything"] };
  }
  const closed = new Set(messages.map((message) => (message.type === "summary" ? message.file : null)));
  const broken = new Map(
    messages.flatMap((one) => (one.type === "test" && !one.passed ? [[one.file, one.exitCode]] : [])),
  );
  const open: string[] = [];
  for (const path of files) {
    const file = join(project.top, path);
    const owesSummary = !closed.has(file) && registersTests(await readFile(file, "utf8"));
    const vanished = !broken.has(file) && (owesSummary || !ended.has(file));
    if (vanished || broken.get(file) === ENDED_ITSELF) open.push(path);
  }
  if (open.length === 0) return null;
  return {
    kind: "ended_early",
    reasons: open.map((path) => `${path} ended its process (process.exit?) before its tests had finished`),
  };
}

function registersTests(text: string): boolean {
  return text.includes("node:test") && /^(?:await\s+)?(?:test|it|describe|suite)\b[.\w]*\(/m.test(text);
}
