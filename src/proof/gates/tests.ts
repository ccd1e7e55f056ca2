import { mkdir, mkdtemp, realpath, rm } from "node:fs/promises";
import { join } from "node:path";
import { cleanCopy } from "#proof/clean-copy.ts";
import { gate, type GateInput } from "#proof/gate.ts";
import type { Finding } from "#proof/verdict.ts";
import { applyPins } from "./tests/apply-pins.ts";
import { countIgnores } from "./tests/count-ignores.ts";
import { judgeTests } from "./tests/judge-tests.ts";
import { openProject, type Project } from "./tests/project.ts";
import { runNodeTests } from "./tests/run-node-tests.ts";
import { runPythonTests } from "./tests/run-python-tests.ts";
import { runStatedTests } from "./tests/run-stated-tests.ts";
import { blockedRun, type TestRun } from "./tests/test-run.ts";

/** Runs a service's tests for real, with coverage, in a clean copy, and leaves nothing behind. */
export const testsGate = gate("tests", async (input) => {
  const started = performance.now();
  // The real path: tools report files by it, and a link in between would make them look foreign.
  const scratch = await mkdtemp(join(await realpath(input.scratchDir), "tests-"));
  try {
    const copy = join(scratch, "service");
    const home = join(scratch, "home");
    await mkdir(home);
    const { left } = await cleanCopy(input.serviceDir, copy, input.settings);
    const pins = await applyPins(copy, input.settings.pinnedFiles);
    const project = await openProject(copy, input.settings.stack);
    // Before the tests run: they may write into the copy.
    const ignores = await countIgnores(project);
    const run = await runTests(project, input, home);
    run.notes.push(...pins, ...left.map((link) => `link not copied: ${link}`));
    ignores.hiddenLines = Math.max(ignores.hiddenLines, run.hiddenLines ?? 0);
    return withoutPaths(judgeTests(run, ignores, input, Math.round(performance.now() - started)), scratch);
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
});

function runTests(project: Project, input: GateInput, home: string): Promise<TestRun> {
  if (input.settings.testCommand !== undefined) return runStatedTests(project, input.settings.testCommand, input, home);
  if (project.stack === "node") return runNodeTests(project, input, home);
  if (project.stack === "python") return runPythonTests(project, input, home);
  const stack =
    project.stack === null ? "the stack cannot be told" : `Steward has no runner of its own for ${project.stack}`;
  const reason = `${stack}: state how the tests are run, as test: <command> in steward.yaml`;
  return Promise.resolve(blockedRun("none", "runner_missing", [reason], { missing: ["test command"] }));
}

/** The scratch folder is gone by the time anybody reads this: paths are told from the service's folder. */
function withoutPaths(finding: Finding, scratch: string): Finding {
  const text = JSON.stringify(finding);
  const folders = [`${scratch}/service/`, `${scratch}/service`, `${scratch}/home`].map((path) =>
    JSON.stringify(path).slice(1, -1),
  );
  return JSON.parse(
    folders.reduce((cleaned, path, at) => cleaned.replaceAll(path, ["", ".", "~"][at]!), text),
  ) as Finding;
}
