// What running a service's tests gave, whichever way they were run. judge-tests.ts makes a finding of it.

import type { FileCoverage, RedKind, TestCase, TestCounts } from "#proof/verdict.ts";
import type { BoundedRun } from "#proof/run-bounded.ts";

export type TestRun = {
  runner: string;
  /** The run could not be made, or not to its end: this is why, and nothing else counts. */
  blocked: { kind: RedKind; reasons: string[]; missing?: string[] } | null;
  exitCode: number | null;
  /** Null: no numbers could be had of it. */
  counts: TestCounts | null;
  cases: TestCase[];
  /** Null: none was measured. By file, or in one number where the tool gives no more. */
  coverage: FileCoverage[] | { percent: number } | null;
  /** How many lines comments took out of coverage, where the tool counts them itself. */
  hiddenLines?: number;
  output: string;
  /** What a person should know beside the result. */
  notes: string[];
};

export function blockedRun(
  runner: string,
  kind: RedKind,
  reasons: string[],
  { output = "", missing }: { output?: string; missing?: string[] } = {},
): TestRun {
  const blocked = missing === undefined ? { kind, reasons } : { kind, reasons, missing };
  return { runner, blocked, exitCode: null, counts: null, cases: [], coverage: null, output, notes: [] };
}

/** Why a run did not come to its own end; null if it did. */
export function cutShort(
  run: BoundedRun,
  what: string,
  limits: { timeoutMs: number; outputLimitBytes: number },
): { kind: RedKind; reasons: string[] } | null {
  switch (run.ended) {
    case "exited":
      return null;
    case "timeout":
      return { kind: "timeout", reasons: [`${what} did not end within ${seconds(limits.timeoutMs)} and was ended`] };
    case "output_limit": {
      const mebibytes = Math.max(1, Math.round(limits.outputLimitBytes / (1 << 20)));
      return { kind: "output_limit", reasons: [`${what} wrote more than ${mebibytes} MiB and was ended`] };
    }
    case "cancelled":
      return { kind: "cancelled", reasons: [`${what} was ended because the check was called off`] };
    case "not_started":
      return { kind: "runner_missing", reasons: [`${what} could not be started: ${run.output.trim()}`] };
  }
}

function seconds(milliseconds: number): string {
  return milliseconds >= 120_000 ? `${Math.round(milliseconds / 60_000)} minutes` : `${milliseconds / 1_000} s`;
}
