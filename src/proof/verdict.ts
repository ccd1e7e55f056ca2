// A verdict: what a gate found, bound to the very content and the very settings that it judged.

export type GateName = "spec" | "build-files" | "tests" | "health";

/** Why a verdict is red, as it is stored. The reasons say it to a person; this says it to the line. */
export type RedKind =
  | "spec_incomplete"
  | "files_missing"
  | "tests_failing"
  | "coverage_low"
  | "no_tests"
  | "no_counts"
  | "ended_early"
  | "runner_missing"
  | "install_failed"
  | "timeout"
  | "output_limit"
  | "cancelled"
  | "tampered"
  | "unhealthy"
  | "taken_back"
  | "content_changed"
  | "unreadable";

export type TestStatus = "passed" | "failed" | "skipped";

/** `wholeFile`: the test file itself broke (it could not be loaded), before any test in it had a name. */
export type TestCase = {
  name: string;
  file: string;
  status: TestStatus;
  message?: string;
  wholeFile?: boolean;
};

/** `total` counts every test, skipped ones too; `line` is passed/total, as "12/15". */
export type TestCounts = {
  passed: number;
  failed: number;
  skipped: number;
  total: number;
  line: string;
};

export type FileCoverage = { file: string; covered: number; total: number };

export type CoverageFacts = {
  /** Of lines, 0 to 100, rounded down to a tenth, so that 79.96 % never reads as the floor of 80. */
  percent: number;
  covered: number;
  total: number;
  /** At most five, worst first; `percent` as above. */
  least: { file: string; percent: number }[];
};

/** Comments in the source that take lines out of coverage, how many lines they hide, and of how many that are not blank. */
export type IgnoreFacts = { comments: number; hiddenLines: number; lines: number };

/**
 * What the next tests verdict is held to. It outlives a red verdict, and one that could not run: a test that failed is
 * owed until it passes, whatever happened to it between.
 */
export type Baseline = {
  /** Failed, and not seen to pass since. */
  owed: Pick<TestCase, "name" | "file" | "wholeFile">[];
  /** The most tests that ever ran, without skipped ones. */
  ran: number;
  /** As of the last green verdict. */
  ignores: Pick<IgnoreFacts, "comments" | "hiddenLines">;
};

export type Facts = {
  kind: RedKind | null;
  durationMs: number;
  tests?: TestCounts;
  /** Failing first; at most MAX_CASES, `casesLeftOut` says how many are not here. */
  cases?: TestCase[];
  casesLeftOut?: number;
  coverage?: CoverageFacts;
  ignores?: IgnoreFacts;
  baseline?: Baseline;
  /** The end of what was printed, failing lines first. Bounded, and free of control codes. */
  output?: string;
  /** What ran: "node --test", "pytest", "unittest" or the stated command. */
  runner?: string;
  stack?: string;
  /** Sections, files or programs that are not there. */
  missing?: string[];
  /** Of the health gate. `marked`: the answer names the version that was looked for. */
  health?: { url: string; status: number | null; attempts: number; marked?: boolean };
};

/** What a gate says before it is bound to content and settings. */
export type Finding = { ok: boolean; reasons: string[]; facts: Facts };

export type Verdict = Finding & { gate: GateName; contentHash: string; settingsHash: string };

/** 2,000 names of 200 characters: under half a megabyte in the database, and more tests than nearly any service has. */
export const MAX_CASES = 2_000;

export function green(reasons: string[], facts: Omit<Facts, "kind">): Finding {
  return { ok: true, reasons, facts: { ...facts, kind: null } };
}

export function red(kind: RedKind, reasons: string[], facts: Omit<Facts, "kind">): Finding {
  return { ok: false, reasons, facts: { ...facts, kind } };
}

export function countsOf(cases: readonly { status: TestStatus }[]): TestCounts {
  const count = (status: TestStatus) => cases.filter((one) => one.status === status).length;
  return countsFrom({ passed: count("passed"), failed: count("failed"), skipped: count("skipped") });
}

export function countsFrom(of: { passed: number; failed: number; skipped: number }): TestCounts {
  const total = of.passed + of.failed + of.skipped;
  return { ...of, total, line: `${of.passed}/${total}` };
}
