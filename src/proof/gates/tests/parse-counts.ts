import { stripVTControlCharacters } from "node:util";
import { countsFrom, type TestCounts } from "#proof/verdict.ts";

type Numbers = { passed: number; failed: number; skipped: number };

/**
 * Finds the numbers in what a stated test command printed. Null if no summary that we know is there. Where several
 * summaries of one kind are printed the last one counts, but a failure in any of them stays a failure.
 */
export function parseCounts(output: string): TestCounts | null {
  const text = stripVTControlCharacters(output).replaceAll("\r", "");
  for (const read of readers) {
    const found = read(text);
    if (found !== null) return countsFrom(found);
  }
  return null;
}

/** In this order: a run of several tools (npm that calls jest) is read by the most telling. */
const readers = [nodeTest, jest, vitest, mocha, cargo, goVerbose, goJson, unittest, pytest, plainTap];

/** TAP of `node --test` (`# pass 4`) and its spec reporter (`ℹ pass 4`). */
function nodeTest(text: string): Numbers | null {
  const all = (name: string) =>
    [...text.matchAll(new RegExp(`^(?:#|ℹ) ${name} (\\d+)$`, "gm"))].map((match) => Number(match[1]));
  if (all("tests").length === 0 || all("pass").length === 0) return null;
  const last = (name: string) => all(name).at(-1) ?? 0;
  const failed = Math.max(0, ...all("fail")) + Math.max(0, ...all("cancelled"));
  return { passed: last("pass"), failed, skipped: last("skipped") + last("todo") };
}

/** `Tests:       1 failed, 2 skipped, 3 todo, 12 passed, 18 total` */
function jest(text: string): Numbers | null {
  return lastSummary([...text.matchAll(/^Tests:\s+(.*\d+ total.*)$/gm)].map((match) => worded(match[1]!)));
}

/** `      Tests  1 failed | 12 passed | 2 skipped (15)` */
function vitest(text: string): Numbers | null {
  return lastSummary([...text.matchAll(/^\s*Tests\s+(.*\(\d+\))\s*$/gm)].map((match) => worded(match[1]!)));
}

/** `  12 passing (34ms)`, `  2 pending`, `  1 failing` */
function mocha(text: string): Numbers | null {
  const all = (word: string) =>
    [...text.matchAll(new RegExp(`^\\s+(\\d+) ${word}\\b`, "gm"))].map((match) => Number(match[1]));
  const passed = all("passing");
  if (passed.length === 0) return null;
  return { passed: passed.at(-1)!, failed: Math.max(0, ...all("failing")), skipped: all("pending").at(-1) ?? 0 };
}

/** `test result: ok. 5 passed; 0 failed; 1 ignored; …`, once for each crate and target: they add up. */
function cargo(text: string): Numbers | null {
  return added(
    [...text.matchAll(/^test result: \w+\. (\d+) passed; (\d+) failed; (\d+) ignored/gm)].map((match) => ({
      passed: Number(match[1]),
      failed: Number(match[2]),
      skipped: Number(match[3]),
    })),
  );
}

/** `--- PASS: TestAdd (0.00s)`, of `go test -v`; without -v Go prints no numbers. A FAIL of a package is one more. */
function goVerbose(text: string): Numbers | null {
  const count = (word: string) => [...text.matchAll(new RegExp(`^\\s*--- ${word}: `, "gm"))].length;
  const numbers = { passed: count("PASS"), failed: count("FAIL"), skipped: count("SKIP") };
  return numbers.passed + numbers.failed + numbers.skipped === 0 ? null : numbers;
}

/** `go test -json`: one object a line. */
function goJson(text: string): Numbers | null {
  const count = (word: string) =>
    [...text.matchAll(/^\{.*\}$/gm)].filter(([line]) => line.includes(`"Action":"${word}"`) && line.includes(`"Test":`))
      .length;
  const numbers = { passed: count("pass"), failed: count("fail"), skipped: count("skip") };
  return numbers.passed + numbers.failed + numbers.skipped === 0 ? null : numbers;
}

/** `Ran 5 tests in 0.01s`, then `OK (skipped=1)` or `FAILED (failures=1, errors=1)`. */
function unittest(text: string): Numbers | null {
  const runs = [...text.matchAll(/^Ran (\d+) tests? in [\d.]+s\s+(OK|FAILED|NO TESTS RAN)(?: \(([^)]*)\))?/gm)];
  return lastSummary(
    runs.map(([, total, , details = ""]) => {
      const named = (name: string) => Number(new RegExp(`\\b${name}=(\\d+)`).exec(details)?.[1] ?? 0);
      const failed = named("failures") + named("errors") + named("unexpected successes");
      const skipped = named("skipped") + named("expected failures");
      return { passed: Math.max(0, Number(total) - failed - skipped), failed, skipped };
    }),
  );
}

/** `==== 1 failed, 12 passed, 2 skipped, 1 error in 0.12s ====`, or without the rules when quiet. */
function pytest(text: string): Numbers | null {
  const lines = [...text.matchAll(/^(?:=+ )?((?:\d+ [a-z]+(?:, )?)+) in [\d.]+s(?: \([\d:]+\))?(?: =+)?\s*$/gm)];
  return lastSummary(lines.map((match) => worded(match[1]!)));
}

/** Plain TAP: the plan `1..4` must be kept. */
function plainTap(text: string): Numbers | null {
  const plan = /^1\.\.(\d+)/m.exec(text)?.[1];
  const points = [...text.matchAll(/^(not )?ok\b[^\n#]*(#\s*(?:skip|todo)\b)?/gim)];
  if (plan === undefined || points.length === 0) return null;
  const skipped = points.filter((point) => point[2] !== undefined).length;
  const failed = points.filter((point) => point[1] !== undefined && point[2] === undefined).length;
  const unrun = Math.max(0, Number(plan) - points.length);
  return { passed: points.length - skipped - failed, failed: failed + unrun, skipped };
}

const failing = new Set(["failed", "error", "errors", "cancelled"]);
const waiting = new Set(["skipped", "todo", "pending", "xfailed", "deselected", "ignored"]);

function worded(summary: string): Numbers {
  const numbers = { passed: 0, failed: 0, skipped: 0 };
  for (const [, count, word] of summary.matchAll(/(\d+) ([a-z]+)/g)) {
    if (word === "passed" || word === "xpassed") numbers.passed += Number(count);
    else if (failing.has(word!)) numbers.failed += Number(count);
    else if (waiting.has(word!)) numbers.skipped += Number(count);
  }
  return numbers;
}

function lastSummary(all: Numbers[]): Numbers | null {
  const last = all.at(-1);
  return last === undefined ? null : { ...last, failed: Math.max(...all.map((one) => one.failed)) };
}

function added(all: Numbers[]): Numbers | null {
  if (all.length === 0) return null;
  const sum = (of: (one: Numbers) => number) => all.reduce((total, one) => total + of(one), 0);
  return { passed: sum((one) => one.passed), failed: sum((one) => one.failed), skipped: sum((one) => one.skipped) };
}
