import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { join } from "node:path";
import { cleanCopy } from "#proof/clean-copy.ts";
import { gate, type GateInput } from "#proof/gate.ts";
import { judgeTests } from "./tests/judge-tests.ts";
import { openProject, type Project } from "./tests/project.ts";
import { runNodeTests } from "./tests/run-node-tests.ts";
import { blockedRun, type TestRun } from "./tests/test-run.ts";

/** Runs a service's tests for real, with coverage, in a clean copy, and leaves nothing behind. */
export const testsGate = gate("tests", async (input) => {
  const started = performance.now();
  const scratch = await mkdtemp(join(input.scratchDir, "tests-"));
  try {
    const copy = join(scratch, "service");
    const home = join(scratch, "home");
    await mkdir(home);
    await cleanCopy(input.serviceDir, copy, input.settings);
    const project = await openProject(copy, input.settings.stack);
    const run = await runTests(project, input, home);
    return judgeTests(run, null, input, Math.round(performance.now() - started));
  } finally {
    await rm(scratch, { recursive: true, force: true, maxRetries: 3 });
  }
});

async function runTests(project: Project, input: GateInput, home: string): Promise<TestRun> {
  switch (project.stack) {
    case "node":
      return runNodeTests(project, input, home);
    default:
      return blockedRun("none", "runner_missing", ["unknown stack"]);
  }
}
