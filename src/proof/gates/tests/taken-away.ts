import type { GateSettings } from "#proof/gate.ts";
import type { Facts, TestCase } from "#proof/verdict.ts";
import type { TestRun } from "./test-run.ts";

/**
 * How a red suite could have been made green without mending anything: a test that failed is gone or skipped, or
 * fewer tests run than before. Empty if there was no earlier verdict, or if the spec changed and tests may go.
 */
export function takenAway(
  run: TestRun,
  before: Facts | undefined,
  { allowFewerTests = false }: GateSettings,
): string[] {
  if (before === undefined || allowFewerTests) return [];
  const reasons: string[] = [];
  const failedBefore = (before.cases ?? []).filter((one) => one.status === "failed");
  // A stated command may give numbers without names; then only the numbers can be compared.
  if (run.cases.length > 0) {
    for (const test of failedBefore) {
      const fate = fateOf(test, run.cases);
      if (fate !== null) reasons.push(`failing test "${test.name}" is ${fate}; mend what it tests instead`);
    }
  }
  const ranBefore = before.tests === undefined ? 0 : before.tests.passed + before.tests.failed;
  const ran = run.counts === null ? 0 : run.counts.passed + run.counts.failed;
  if (ran < ranBefore) reasons.push(`${ran} tests ran, ${ranBefore} did before: tests were taken away or skipped`);
  return reasons;
}

function fateOf(test: TestCase, now: TestCase[]): "gone" | "skipped" | null {
  // A file that broke as a whole had no tests to name: it is mended when any of its tests run.
  const same =
    test.wholeFile === true
      ? now.filter((one) => one.file === test.file)
      : now.filter((one) => one.name.slice(0, 200) === test.name);
  if (same.length === 0) return "gone";
  return same.every((one) => one.status === "skipped") ? "skipped" : null;
}
