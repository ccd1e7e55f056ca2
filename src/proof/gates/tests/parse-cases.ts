import { stripVTControlCharacters } from "node:util";
import type { TestCase, TestStatus } from "#proof/verdict.ts";

/**
 * The tests' names, where a stated command prints each one on a line. A list is only of use when it is whole, so the
 * caller compares its length with the summary's total.
 */
export function parseCases(output: string): TestCase[] {
  const text = stripVTControlCharacters(output).replaceAll("\r", "");
  for (const { line, read } of readers) {
    const cases = [...text.matchAll(line)].flatMap((match) => {
      const found = read(match);
      return found === null ? [] : [found];
    });
    if (cases.length > 0) return cases;
  }
  return [];
}

const passing = /^(?:PASS(?:ED)?|ok|✔|✓|√|XPASS)$/;
const waiting = /^(?:SKIP(?:PED)?|ignored|﹣|↓|-|XFAIL|XFAILED)$/i;

function statusOf(word: string): TestStatus {
  return passing.test(word) ? "passed" : waiting.test(word) ? "skipped" : "failed";
}

const readers: { line: RegExp; read(match: RegExpMatchArray): TestCase | null }[] = [
  // pytest -v: tests/test_a.py::TestX::test_y PASSED
  {
    line: /^(\S+\.py)::(\S.*?) (PASSED|FAILED|SKIPPED|ERROR|XFAIL|XPASS)\b/gm,
    read: ([, file, name, word]) => ({ file: file!, name: name!.replaceAll("::", " > "), status: statusOf(word!) }),
  },
  // unittest -v: test_a (tests.test_calc.T.test_a) ... ok
  {
    line: /^(test\w*) \(([\w.]+)\)(?:\n[^\n]*)? \.\.\. (ok|FAIL|ERROR|skipped|expected failure)/gm,
    read: ([, name, where, word]) => ({
      file: "",
      name: `${where} > ${name}`,
      status: word === "expected failure" ? "skipped" : statusOf(word!),
    }),
  },
  // go test -v: --- PASS: TestAdd (0.00s)
  {
    line: /^\s*--- (PASS|FAIL|SKIP): (\S+)/gm,
    read: ([, word, name]) => ({ file: "", name: name!, status: statusOf(word!) }),
  },
  // cargo test: test tests::adds ... ok
  {
    line: /^test (\S+)(?: - .*)? \.\.\. (ok|FAILED|ignored)/gm,
    read: ([, name, word]) => ({ file: "", name: name!, status: statusOf(word!) }),
  },
  // TAP: ok 1 - adds # SKIP
  {
    line: /^\s*(not )?ok \d+ (?:- )?(.*?)(?:\s#\s*(SKIP|TODO)\b.*)?$/gim,
    read: ([, not, name, directive]) => ({
      file: "",
      name: name!,
      status: directive !== undefined ? "skipped" : not !== undefined ? "failed" : "passed",
    }),
  },
  // node's spec reporter, mocha, jest and vitest: ✔ adds (1.2ms)
  {
    line: /^\s*(✔|✓|√|✖|✗|✕|×|﹣|↓) (.+?)(?: \(?[\d.]+ ?m?s\)?)?(?: # (?:SKIP|TODO).*)?$/gm,
    read: ([whole, word, name]) =>
      / # (?:SKIP|TODO)/.test(whole)
        ? { file: "", name: name!, status: "skipped" }
        : { file: "", name: name!, status: statusOf(word!) },
  },
];
