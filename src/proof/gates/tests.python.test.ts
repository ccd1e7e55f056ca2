import { deepEqual, equal, match } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { before, test } from "node:test";
import { tmpdir } from "node:os";
import { greenPython, makeService } from "#proof/fixtures/make-service.ts";
import { findPython } from "./tests/find-python.ts";
import { testsGate } from "./tests.ts";

before(async () => {
  const python = await findPython(tmpdir(), new AbortController().signal);
  deepEqual(
    { coverage: python?.coverage, pytest: python?.pytest },
    { coverage: true, pytest: true },
    "these tests need Debian's python3-pytest, python3-coverage and python3-venv",
  );
});

test("a Python service is tested with pytest and measured by line", async (t) => {
  const service = await makeService(t, greenPython);
  const { ok, reasons, facts } = await testsGate.run(service.input());
  deepEqual([ok, reasons, facts.runner], [true, ["1/1 tests pass; 100 % of lines covered"], "pytest"]);
  deepEqual(facts.cases, [{ name: "test_adds", file: "tests/test_sums.py", status: "passed" }]);
  deepEqual(await service.leftInScratch(), []);
});

test("failing and skipped Python tests are told by name, and a class by its own", async (t) => {
  const service = await makeService(t, greenPython);
  await service.write({
    "tests/test_more.py": `import pytest
from src.sums import add

class TestMore:
    def test_wrong(self):
        assert add(1, 1) == 3

@pytest.mark.skip
def test_later():
    assert False

@pytest.fixture
def broken():
    raise RuntimeError("no fixture")

def test_fixture(broken):
    pass
`,
  });
  const { ok, reasons, facts } = await testsGate.run(service.input());
  deepEqual([ok, facts.kind, facts.tests!.line, facts.tests!.skipped], [false, "tests_failing", "1/4", 1]);
  deepEqual(reasons, [`1/4 tests pass; 2 failing: "TestMore > test_wrong", "test_fixture"`]);
  match(facts.cases![0]!.message!, /assert 2 == 3/);
});

test("a suite that leaves by os._exit(0), or that settings of its own thin out, is not passed", async (t) => {
  const service = await makeService(t, greenPython);
  await service.write({ "tests/test_quit.py": "import os\n\n\ndef test_quits():\n    os._exit(0)\n" });
  const quit = await testsGate.run(service.input());
  deepEqual([quit.ok, quit.facts.kind], [false, "ended_early"]);

  await service.write({
    "tests/test_quit.py": "def test_wrong():\n    assert False\n",
    "pytest.ini": "[pytest]\naddopts = -k adds --cov=src\n",
    ".coveragerc": "[run]\nomit = src/*\n",
    "src/idle.py": "a = 1\nb = 2\nc = 3\n",
  });
  const thinned = await testsGate.run(service.input());
  deepEqual([thinned.ok, thinned.facts.kind, thinned.facts.tests!.line], [false, "tests_failing", "1/2"]);
  match(thinned.reasons[1]!, /least covered: src\/idle\.py 0 %/);

  await service.write({
    "tests/test_quit.py": "import pytest\n\n\n@pytest.mark.slow\ndef test_wrong():\n    assert False\n",
    "conftest.py":
      "def pytest_collection_modifyitems(config, items):\n    out = [i for i in items if 'wrong' in i.name]\n    items[:] = [i for i in items if i not in out]\n    config.hook.pytest_deselected(items=out)\n",
  });
  const deselected = await testsGate.run(service.input({}, { before: thinned.facts }));
  match(deselected.reasons[0]!, /failing test "test_wrong" is skipped/);
});

test("a module that cannot be imported is red by its file, and hidden lines are counted", async (t) => {
  const service = await makeService(t, greenPython);
  await service.write({
    "tests/test_none.py": "import none_such\n",
    "src/hidden.py": "def untested():  # pragma: no cover\n    a = 1\n    return a\n",
  });
  const { facts, reasons } = await testsGate.run(service.input());
  deepEqual(
    [facts.kind, facts.cases![0]!.name, facts.cases![0]!.wholeFile],
    ["tests_failing", "tests/test_none.py", true],
  );
  match(reasons.join("\n"), /1 new comment hides 3 lines from coverage/);
});

test("requirements are installed from the wheel that they name, and an install that fails is its own reason", async (t) => {
  const service = await makeService(t, {
    ...greenPython,
    "requirements.txt": "./vendor/tiny-1.0-py3-none-any.whl\n",
    "src/sums.py": "import tiny\n\n\ndef add(a, b):\n    return tiny.add(a, b)\n",
  });
  makeWheel(service.dir);
  const { ok, reasons } = await testsGate.run(service.input());
  deepEqual([ok, reasons], [true, ["1/1 tests pass; 100 % of lines covered"]]);

  await service.write({ "requirements.txt": "./vendor/none-1.0-py3-none-any.whl\n" });
  const failed = await testsGate.run(service.input());
  deepEqual([failed.ok, failed.facts.kind], [false, "install_failed"]);
  match(failed.reasons[0]!, /^pip install failed: ERROR: .*none-1\.0/);
});

test("an environment is kept by its requirements and made only once", async (t) => {
  const service = await makeService(t, { ...greenPython, "requirements.txt": "pytest\ncoverage\n" });
  equal((await testsGate.run(service.input())).ok, true);
  const kept = await readdir(join(service.cacheDir, "python"));
  equal(kept.length, 1);
  await service.write({ "src/other.py": "" });
  equal((await testsGate.run(service.input({ installTimeoutMs: 5_000 }))).ok, true);
  deepEqual(await readdir(join(service.cacheDir, "python")), kept);
});

/** A wheel is a zip with metadata: made by hand, so that nothing has to be fetched. */
function makeWheel(dir: string): void {
  const script = `
import os, sys, zipfile
os.makedirs(sys.argv[1], exist_ok=True)
with zipfile.ZipFile(sys.argv[1] + "/tiny-1.0-py3-none-any.whl", "w") as wheel:
    wheel.writestr("tiny.py", "def add(a, b):\\n    return a + b\\n")
    info = "tiny-1.0.dist-info/"
    wheel.writestr(info + "METADATA", "Metadata-Version: 2.1\\nName: tiny\\nVersion: 1.0\\n")
    wheel.writestr(info + "WHEEL", "Wheel-Version: 1.0\\nGenerator: hand\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n")
    wheel.writestr(info + "RECORD", "tiny.py,,\\n" + info + "METADATA,,\\n" + info + "WHEEL,,\\n" + info + "RECORD,,\\n")`;
  execFileSync("python3", ["-c", script, join(dir, "vendor")]);
}

test("a conftest.py that hides a failure, swallows it or takes the test away is seen", async (t) => {
  const failing = "from src.sums import add\n\n\ndef test_adds():\n    assert add(1, 2) == 3\n\n\ndef test_wrong():\n    assert add(1, 1) == 3\n"; // prettier-ignore
  const cheats: Record<string, { conftest: string; kind: string | null; line: string }> = {
    "reports it as passed": {
      conftest: `import pytest

@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    outcome = yield
    outcome.get_result().outcome = "passed"
`,
      kind: "tests_failing",
      line: "1/2",
    },
    "swallows it": {
      conftest: `import pytest

@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem):
    try:
        pyfuncitem.obj()
    except BaseException:
        pass
    return True
`,
      kind: "tests_failing",
      line: "1/2",
    },
    "takes it away": {
      conftest: `def pytest_collection_modifyitems(items):
    items[:] = [item for item in items if item.name != "test_wrong"]
`,
      kind: null,
      line: "1/2",
    },
  };
  await Promise.all(
    Object.entries(cheats).map(async ([what, { conftest, kind, line }]) => {
      const service = await makeService(t, { ...greenPython, "tests/test_sums.py": failing, "conftest.py": conftest });
      const { facts } = await testsGate.run(service.input());
      deepEqual([facts.kind, facts.tests!.line], [kind, line], what);
      if (kind === null) equal(facts.tests!.skipped, 1, what);
    }),
  );
});

test("what judges Python tests cannot be replaced by files of the same name, nor its choice of tests by settings", async (t) => {
  const service = await makeService(t, {
    ...greenPython,
    "tests/test_wrong.py": "def test_wrong():\n    assert False\n\n\ndef should_too():\n    assert False\n",
    "pytest.py": "def main(*_, **__):\n    return 0\n",
    "coverage.py": "Coverage = None\n",
    "sitecustomize.py": "import os\n\nos._exit(0)\n",
    "pytest.ini": "[pytest]\npython_functions = test_adds should_*\n",
    "conftest.py": 'collect_ignore = ["tests/test_sums.py"]\n',
  });
  const { facts } = await testsGate.run(service.input());
  deepEqual([facts.kind, facts.tests!.line, facts.runner], ["tests_failing", "1/3", "pytest"]);
});

test("Python code counts wherever it lies and however it is written down", async (t) => {
  const untested = "def untested():\n    first = 1\n    second = 2\n    return first + second\n";
  const trees: Record<string, Record<string, string>> = {
    "loaded from a folder of tests": {
      "src/sums.py": `${greenPython["src/sums.py"]!}\n\ndef more():\n    from tests.lib import untested\n\n    return untested()\n`,
      "tests/lib.py": untested,
    },
    "on the line of its def": {
      "src/sums.py": `${greenPython["src/sums.py"]!}\n\ndef more(): a = 1; b = 2; c = 3; d = 4; return a + b + c + d\n`,
    },
  };
  await Promise.all(
    Object.entries(trees).map(async ([what, files]) => {
      const service = await makeService(t, { ...greenPython, ...files });
      const { facts } = await testsGate.run(service.input());
      equal(facts.kind, "coverage_low", what);
    }),
  );
});
