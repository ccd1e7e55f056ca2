import { MAX_CASES, type Baseline, type IgnoreFacts } from "#proof/verdict.ts";
import { fateOf, ranIn } from "./taken-away.ts";
import type { TestRun } from "./test-run.ts";

export const noBaseline: Baseline = { owed: [], ran: 0, ignores: { comments: 0, hiddenLines: 0 } };

/** What the verdict after this one is held to. A run that was blocked changes nothing. */
export function nextBaseline(before: Baseline, run: TestRun, ignores: IgnoreFacts | null, ok: boolean): Baseline {
  if (run.blocked !== null) return before;
  // Without names nothing can be seen to pass, but a green run has no failing test left.
  const still = ok ? [] : before.owed.filter((test) => fateOf(test, run.cases) !== "passed");
  const failed = run.cases.filter((one) => one.status === "failed");
  const owed = new Map(still.map((test) => [`${test.file}\n${test.name}`, test]));
  for (const { name, file, wholeFile } of failed) {
    const test = { name: name.slice(0, 200), file, ...(wholeFile === true ? { wholeFile } : {}) };
    owed.set(`${file}\n${test.name}`, test);
  }
  return {
    owed: [...owed.values()].slice(0, MAX_CASES),
    ran: Math.max(before.ran, ranIn(run)),
    ignores: ok && ignores !== null ? { comments: ignores.comments, hiddenLines: ignores.hiddenLines } : before.ignores,
  };
}
