import { dirname, join } from "node:path";
import { testEnvironment } from "#proof/gate-environment.ts";
import type { GateInput } from "#proof/gate.ts";
import { runBounded } from "#proof/run-bounded.ts";
import { findPython } from "./find-python.ts";
import { installNode } from "./install-node.ts";
import { installPython } from "./install-python.ts";
import { parseCases } from "./parse-cases.ts";
import { parseCounts } from "./parse-counts.ts";
import type { Project } from "./project.ts";
import { readCoverage } from "./read-coverage.ts";
import { cutShort, type TestRun } from "./test-run.ts";
import { neverLoaded } from "./never-loaded.ts";

/** What a shell says when the program is not there, and when it may not be run. */
const NOT_FOUND = 127;
const NOT_EXECUTABLE = 126;

/**
 * Runs the owner's own command, as it stands in their settings, in the folder of the code. What it printed is all
 * there is to count by; no numbers is not a pass.
 */
export async function runStatedTests(
  project: Project,
  command: string,
  input: GateInput,
  home: string,
): Promise<TestRun> {
  const { settings } = input;
  const installed = await installNode(project, input, home);
  if (installed !== null) return installed;
  const environment = testEnvironment(home);
  if (project.stack === "python") {
    const python = await findPython(home, input.signal);
    const ready = python === null ? null : await installPython(project, python, input, home);
    if (ready !== null && "failed" in ready) return ready.failed;
    if (ready?.python.command.startsWith(home)) environment.PATH = `${join(home, "venv", "bin")}:${environment.PATH}`;
  }
  const run = await runBounded({
    command: "sh",
    args: ["-c", command],
    cwd: project.root,
    environment,
    timeoutMs: settings.testTimeoutMs,
    outputKeptBytes: settings.outputKeptBytes,
    outputLimitBytes: settings.outputLimitBytes,
    signal: input.signal,
    ownFolder: dirname(home),
  });
  const counts = parseCounts(run.output);
  const cases = parseCases(run.output);
  const coverage = await readCoverage(project, run.output);
  const result: TestRun = {
    runner: command,
    blocked: cutShort(run, `"${command}"`, { ...settings, timeoutMs: settings.testTimeoutMs }),
    exitCode: run.exitCode,
    counts,
    // Names that are only half there would make the other half look deleted the next time.
    cases: counts !== null && cases.length === counts.total ? cases : [],
    coverage: Array.isArray(coverage) ? [...coverage, ...(await neverLoaded(project, coverage))] : coverage,
    output: run.output,
    notes: [],
  };
  if (counts === null && (run.exitCode === NOT_FOUND || run.exitCode === NOT_EXECUTABLE)) {
    const said = run.output.trim().split("\n").at(-1) ?? "";
    result.blocked ??= {
      kind: "runner_missing",
      reasons: [`"${command}" could not be run: ${said}; install what it needs`],
    };
  }
  return result;
}
