import type { Baseline, TestCase } from "#proof/verdict.ts";
import type { TestRun } from "./test-run.ts";
import { count } from "#system/count.ts";

/**
 * How a red suite could have been made green without mending anything: a test that is owed is gone or skipped, or
 * fewer tests run than did. Empty if there was nothing before.
 */
export function takenAway(run: TestRun, before: Baseline): string[] {
  const reasons: string[] = [];
  // A stated command may give numbers without names; then only the numbers can be compared.
  if (run.cases.length > 0) {
    for (const test of before.owed) {
      const fate = fateOf(test, run.cases);
      if (fate === "gone" || fate === "skipped") {
        reasons.push(`failing test "${test.name}" is ${fate}; mend what it tests instead`);
      }
    }
  }
  const ran = ranIn(run);
  if (ran < before.ran) {
    reasons.push(`${count(ran, "test")} ran, ${before.ran} did before: tests were taken away or skipped`);
  }
  return reasons;
}

export function ranIn({ counts }: TestRun): number {
  return counts === null ? 0 : counts.passed + counts.failed;
}

/** What became of a test that is owed. Of several with one name, all that ran must pass. */
export function fateOf(
  test: Baseline["owed"][number],
  now: readonly TestCase[],
): "gone" | "skipped" | "failed" | "passed" {
  // A file that broke as a whole had no tests to name: it is mended when any of its tests run.
  const same =
    test.wholeFile === true
      ? now.filter((one) => one.file === test.file)
      : now.filter((one) => one.name.slice(0, 200) === test.name);
  if (same.length === 0) return "gone";
  if (same.some((one) => one.status === "failed")) return "failed";
  return same.some((one) => one.status === "passed") ? "passed" : "skipped";
}
