import { deepEqual, equal } from "node:assert/strict";
import { test } from "node:test";
import { parseCases } from "./parse-cases.ts";
import { parseCounts } from "./parse-counts.ts";

const summaries: [what: string, output: string, passed: number, failed: number, skipped: number][] = [
  [
    "node's spec reporter",
    "✔ adds (1ms)\nℹ tests 6\nℹ suites 1\nℹ pass 4\nℹ fail 0\nℹ cancelled 0\nℹ skipped 1\nℹ todo 1\n",
    4,
    0,
    2,
  ],
  [
    "node's TAP",
    "TAP version 13\nok 1 - a\n# tests 3\n# pass 1\n# fail 1\n# cancelled 1\n# skipped 0\n# todo 0\n",
    1,
    2,
    0,
  ],
  ["jest", "Test Suites: 1 failed, 1 total\nTests:       1 failed, 2 skipped, 1 todo, 12 passed, 16 total\n", 12, 1, 3],
  [
    "vitest, coloured",
    " \u001b[2mTest Files\u001b[22m  1 failed (1)\n\u001b[2m      Tests\u001b[22m  1 failed | 12 passed | 2 skipped (15)\n",
    12,
    1,
    2,
  ],
  ["mocha", "\n  12 passing (34ms)\n  2 pending\n  1 failing\n", 12, 1, 2],
  ["pytest", "===== 1 failed, 12 passed, 2 skipped, 1 xfailed, 1 error in 0.12s =====\n", 12, 2, 3],
  ["pytest, quiet, over a minute", "12 passed, 1 warning in 61.40s (0:01:01)\n", 12, 0, 0],
  ["unittest", "Ran 5 tests in 0.001s\n\nFAILED (failures=1, errors=1, skipped=1)\n", 2, 2, 1],
  ["unittest, all well", "Ran 5 tests in 0.001s\n\nOK\n", 5, 0, 0],
  [
    "go test -v",
    "=== RUN TestA\n--- PASS: TestA (0.00s)\n    --- FAIL: TestB/x (0.00s)\n--- SKIP: TestC (0.00s)\n",
    1,
    1,
    1,
  ],
  ["go test -json", `{"Action":"pass","Package":"p","Test":"TestA"}\n{"Action":"pass","Package":"p"}\n`, 1, 0, 0],
  [
    "cargo test of two crates",
    "test result: ok. 5 passed; 0 failed; 1 ignored; 0 measured\ntest result: FAILED. 2 passed; 1 failed; 0 ignored; 0 measured\n",
    7,
    1,
    1,
  ],
  ["plain TAP", "1..4\nok 1 - a\nnot ok 2 - b\nok 3 - c # SKIP later\nok 4 - d\n", 2, 1, 1],
];

for (const [what, output, passed, failed, skipped] of summaries) {
  test(`the summary of ${what} is read`, () => {
    const total = passed + failed + skipped;
    deepEqual(parseCounts(output), { passed, failed, skipped, total, line: `${passed}/${total}` });
  });
}

test("output without a summary has no counts", () => {
  for (const output of ["", "all good!\n", "ok  \tgithub.com/x/y\t0.01s\n", "DONE 12/12\n"])
    equal(parseCounts(output), null);
});

test("a failure in an earlier of two summaries stays a failure", () => {
  const output = "Tests:       1 failed, 1 passed, 2 total\nTests:       3 passed, 3 total\n";
  deepEqual([parseCounts(output)!.passed, parseCounts(output)!.failed], [3, 1]);
});

test("a plan that was not kept counts the missing tests as failed", () => {
  equal(parseCounts("1..3\nok 1 - a\n")!.failed, 2);
});

test("names are read where each test has its line", () => {
  const named = (output: string) => parseCases(output).map(({ file, name, status }) => `${file}|${name}|${status}`);
  deepEqual(named("tests/test_a.py::T::test_x PASSED [ 50%]\ntests/test_a.py::test_y FAILED [100%]\n"), [
    "tests/test_a.py|T > test_x|passed",
    "tests/test_a.py|test_y|failed",
  ]);
  deepEqual(named("test_x (tests.test_a.T.test_x) ... ok\ntest_y (tests.test_a.T.test_y) ... skipped 'later'\n"), [
    "|tests.test_a.T.test_x > test_x|passed",
    "|tests.test_a.T.test_y > test_y|skipped",
  ]);
  deepEqual(named("--- FAIL: TestB (0.00s)\n"), ["|TestB|failed"]);
  deepEqual(named("test tests::adds ... ok\ntest tests::slow ... ignored\n"), [
    "|tests::adds|passed",
    "|tests::slow|skipped",
  ]);
  deepEqual(named("ok 1 - adds\nnot ok 2 - carries\nok 3 - later # SKIP\n"), [
    "|adds|passed",
    "|carries|failed",
    "|later|skipped",
  ]);
  deepEqual(named("  ✔ adds (1.2ms)\n  ✖ carries (0.3ms)\n  ✓ doubles 3 ms\n"), [
    "|adds|passed",
    "|carries|failed",
    "|doubles|passed",
  ]);
});
