import type { GateInput, GateSettings } from "#proof/gate.ts";
import {
  green,
  MAX_CASES,
  red,
  type Baseline,
  type CoverageFacts,
  type Facts,
  type FileCoverage,
  type Finding,
  type IgnoreFacts,
  type RedKind,
  type TestCase,
  type TestStatus,
} from "#proof/verdict.ts";
import { digestOutput } from "./digest-output.ts";
import { nextBaseline, noBaseline } from "./next-baseline.ts";
import { takenAway } from "./taken-away.ts";
import type { TestRun } from "./test-run.ts";
import { count } from "#system/count.ts";

/** Turns a run into a finding. Every reason that holds is given, the one to act on first. */
export function judgeTests(
  run: TestRun,
  ignores: IgnoreFacts | null,
  { settings, before }: Pick<GateInput, "settings" | "before">,
  durationMs: number,
): Finding {
  const coverage = run.coverage === null ? null : coverageFacts(run.coverage);
  const facts = factsOf(run, coverage, ignores, durationMs);
  const earlier = before?.baseline ?? noBaseline;
  // With leave for fewer tests, only what fails now is held against the next run.
  const baseline = settings.allowFewerTests === true ? { ...earlier, owed: [], ran: 0 } : earlier;
  facts.baseline = nextBaseline(baseline, run, ignores, false);
  if (run.blocked !== null) {
    if (run.blocked.missing !== undefined) facts.missing = run.blocked.missing;
    return red(run.blocked.kind, [...run.blocked.reasons, ...run.notes], facts);
  }

  const problems: { kind: RedKind; reason: string }[] = [
    ...failing(run),
    ...emptyRun(run),
    ...takenAway(run, baseline).map((reason) => ({ kind: "tampered" as const, reason })),
    ...hidden(ignores, baseline, settings),
    ...uncovered(coverage, settings),
  ];
  const reasons = problems.map((problem) => problem.reason);
  if (problems[0] !== undefined) return red(problems[0].kind, [...reasons, ...run.notes], facts);
  facts.baseline = nextBaseline(baseline, run, ignores, true);
  const counts = run.counts!;
  const skipped = counts.skipped > 0 ? `, ${counts.skipped} skipped` : "";
  const covered = coverage === null ? "" : `; ${coverage.percent} % of lines covered`;
  const ignored = ignores === null || ignores.comments === 0 ? [] : [ignoredNote(ignores, baseline)];
  return green([`${counts.line} tests pass${skipped}${covered}`, ...ignored, ...run.notes], facts);
}

function failing({ counts, cases, exitCode }: TestRun) {
  const failed = counts?.failed ?? 0;
  if (failed > 0) {
    const names = cases.filter((one) => one.status === "failed").slice(0, 5);
    const list = names.map((one) => `"${one.name}"`).join(", ");
    const more = failed > names.length && names.length > 0 ? ` and ${failed - names.length} more` : "";
    const which = names.length > 0 ? `: ${list}${more}` : "";
    return [{ kind: "tests_failing" as const, reason: `${counts!.line} tests pass; ${failed} failing${which}` }];
  }
  if (exitCode === 0) return [];
  const how = exitCode === null ? "was killed" : `ended with exit code ${exitCode}`;
  return [{ kind: "tests_failing" as const, reason: `the test run ${how}, though no failing test was counted` }];
}

function emptyRun({ counts }: TestRun) {
  if (counts === null) {
    const reason =
      "how many tests ran cannot be told from the output; print a summary that Steward knows (TAP, or that of pytest, jest, vitest, mocha, node, go or cargo)";
    return [{ kind: "no_counts" as const, reason }];
  }
  if (counts.total === 0) return [{ kind: "no_tests" as const, reason: "no test ran" }];
  if (counts.passed + counts.failed > 0) return [];
  return [
    {
      kind: "no_tests" as const,
      reason: counts.total === 1 ? "the only test is skipped" : `all ${counts.total} tests are skipped`,
    },
  ];
}

function hidden(ignores: IgnoreFacts | null, before: Baseline, settings: GateSettings) {
  if (ignores === null) return [];
  const lines = ignores.hiddenLines - before.ignores.hiddenLines;
  const comments = ignores.comments - before.ignores.comments;
  const share = (100 * lines) / Math.max(1, ignores.lines);
  if (lines <= 0 || share <= settings.ignoredLinesLimit) return [];
  const reason = `${count(comments, "new comment hides", "new comments hide")} ${count(lines, "line")} from coverage (${tenth(share)} %, at most ${settings.ignoredLinesLimit} % may be): test them instead`;
  return [{ kind: "tampered" as const, reason }];
}

function ignoredNote(ignores: IgnoreFacts, before: Baseline): string {
  const added = ignores.comments - before.ignores.comments;
  const since = added <= 0 || added === ignores.comments ? "" : `, ${added} of them new`;
  return `${count(ignores.comments, "comment")}${since} ${ignores.comments === 1 ? "keeps" : "keep"} ${count(ignores.hiddenLines, "line")} out of coverage`;
}

function uncovered(coverage: CoverageFacts | null, { coverageFloor }: GateSettings) {
  const low = (reason: string) => [{ kind: "coverage_low" as const, reason }];
  if (coverageFloor <= 0) return [];
  if (coverage === null) return low(`line coverage was not measured; the floor is ${coverageFloor} %`);
  if (coverage.percent >= coverageFloor) return [];
  if (coverage.total === 0 && coverage.least.length === 0 && coverage.percent === 0) {
    return low(`line coverage is 0 %: no source file was measured; the floor is ${coverageFloor} %`);
  }
  const files = coverage.least.map(({ file, percent }) => `${file} ${percent} %`).join(", ");
  const least = files === "" ? "" : `; least covered: ${files}`;
  return low(`line coverage is ${coverage.percent} %, below the floor of ${coverageFloor} %${least}`);
}

function factsOf(
  run: TestRun,
  coverage: CoverageFacts | null,
  ignores: IgnoreFacts | null,
  durationMs: number,
): Omit<Facts, "kind"> {
  const cases = run.cases.toSorted((a, b) => rank[a.status] - rank[b.status]).map(bounded);
  return {
    durationMs,
    runner: run.runner,
    ...(run.counts === null ? {} : { tests: run.counts }),
    cases: cases.slice(0, MAX_CASES),
    casesLeftOut: Math.max(0, cases.length - MAX_CASES),
    ...(coverage === null ? {} : { coverage }),
    ...(ignores === null ? {} : { ignores }),
    output: digestOutput(run.output),
  };
}

const rank: Record<TestStatus, number> = { failed: 0, passed: 1, skipped: 2 };

function bounded(one: TestCase): TestCase {
  const name = one.name.slice(0, 200);
  return one.message === undefined ? { ...one, name } : { ...one, name, message: one.message.slice(0, 1_000) };
}

function coverageFacts(coverage: FileCoverage[] | { percent: number }): CoverageFacts {
  if (!Array.isArray(coverage)) return { percent: tenth(coverage.percent), covered: 0, total: 0, least: [] };
  const sum = (of: (file: FileCoverage) => number) => coverage.reduce((total, file) => total + of(file), 0);
  const covered = sum((file) => file.covered);
  const total = sum((file) => file.total);
  const least = coverage
    .filter((file) => file.covered < file.total)
    .map(({ file, covered: lines, total: of }) => ({ file, percent: tenth((100 * lines) / of), left: of - lines }))
    // Of two files as little covered, the one with more to win comes first.
    .toSorted((a, b) => a.percent - b.percent || b.left - a.left)
    .slice(0, 5)
    .map(({ file, percent }) => ({ file, percent }));
  return { percent: total === 0 ? 0 : tenth((100 * covered) / total), covered, total, least };
}

/** Down, never up: 79.96 % is not 80 %. */
function tenth(percent: number): number {
  return Math.floor(percent * 10) / 10;
}
