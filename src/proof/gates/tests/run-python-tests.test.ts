import { deepEqual, equal, match } from "node:assert/strict";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { makeService } from "#proof/fixtures/make-service.ts";
import { findPython } from "./find-python.ts";
import { openProject } from "./project.ts";
import { runnerFor, runPythonWith } from "./run-python-tests.ts";

const unittests = `import unittest
import calc

class CalcTest(unittest.TestCase):
    def test_adds(self):
        self.assertEqual(calc.add(1, 2), 3)

    def test_wrong(self):
        for number in (1, 2):
            with self.subTest(number=number):
                self.assertEqual(calc.add(1, number), 2)

    @unittest.skip("later")
    def test_later(self):
        self.fail()
`;

async function open(t: TestContext, tests: string) {
  const service = await makeService(t, {
    "calc.py": "def add(a, b):\n    return a + b\n",
    "tests/test_calc.py": tests,
  });
  const home = join(service.top, "home");
  await mkdir(home);
  const python = (await findPython(home, new AbortController().signal))!;
  return { project: await openProject(service.dir), python, input: service.input(), home };
}

test("unittest alone is enough where tests need no more: counted, named and measured", async (t) => {
  const { project, python, input, home } = await open(t, unittests);
  equal(await runnerFor({ ...python, pytest: false }, project), "unittest");
  const run = await runPythonWith("unittest", python, project, input, home);
  deepEqual([run.blocked, run.exitCode, run.counts!.line], [null, 1, "1/3"]);
  deepEqual(
    run.cases.map(({ name, file, status }) => `${file} ${name} ${status}`),
    [
      "tests/test_calc.py CalcTest > test_adds passed",
      "tests/test_calc.py CalcTest > test_later skipped",
      "tests/test_calc.py CalcTest > test_wrong failed",
    ],
  );
  deepEqual(run.coverage, [{ file: "calc.py", covered: 2, total: 2 }]);
});

test("tests that need pytest, where it is missing, are not run, and what to install is named", async (t) => {
  const { project, python } = await open(t, "import calc\n\n\ndef test_adds():\n    assert calc.add(1, 2) == 3\n");
  const run = await runnerFor({ ...python, command: "python3", version: "3.11.2", pytest: false }, project);
  if (typeof run === "string") throw new Error(`it would have run with ${run}`);
  deepEqual([run.blocked!.kind, run.blocked!.missing], ["runner_missing", ["pytest"]]);
  match(run.blocked!.reasons[0]!, /^pytest not installed for python3 \(3\.11\.2\); .*Debian: python3-pytest\)$/);
});

test("a test module that cannot be loaded by unittest is red by its file", async (t) => {
  const { project, python, input, home } = await open(t, "import unittest\nimport none_such\n");
  const run = await runPythonWith("unittest", python, project, input, home);
  deepEqual([run.counts!.failed, run.cases[0]!.wholeFile, run.cases[0]!.file], [1, true, "tests/test_calc.py"]);
});
