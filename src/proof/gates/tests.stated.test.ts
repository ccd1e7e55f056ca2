import { deepEqual, equal, match } from "node:assert/strict";
import { test } from "node:test";
import { greenNode, makeService } from "#proof/fixtures/make-service.ts";
import { takeSteeringFiles } from "#proof/steering-files.ts";
import { testsGate } from "./tests.ts";

const script = (test: string) =>
  `{ "name": "sums", "type": "module", "scripts": { "test": ${JSON.stringify(test)} } }\n`;
const honest = "node --test --experimental-test-coverage --test-reporter=spec --test-reporter-destination=stdout";
const lying = "echo '# tests 9'; echo '# pass 9'; echo '# fail 0'; echo '# all files | 100 |'";

test("a stated command is run by the shell, counted by its summary and measured by what it printed", async (t) => {
  const service = await makeService(t, { ...greenNode, "package.json": script(honest) });
  const { ok, reasons, facts } = await testsGate.run(service.input({ testCommand: "npm test" }));
  deepEqual([ok, reasons, facts.runner], [true, ["2/2 tests pass; 100 % of lines covered"], "npm test"]);
  deepEqual(facts.cases!.map(({ name }) => name).toSorted(), ["adds", "adds negatives"]);
});

test("the script behind a stated command is the owner's, whatever the run made of it, and the change is told", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "package.json": script(lying),
    "tests/bad.test.js": `import { test } from "node:test";\ntest("wrong", () => { throw new Error("wrong"); });\n`,
  });
  const pinnedFiles = { "package.json": script(honest) };
  const { ok, reasons, facts } = await testsGate.run(service.input({ testCommand: "npm test", pinnedFiles }));
  deepEqual([ok, facts.kind, facts.tests!.line], [false, "tests_failing", "2/3"]);
  equal(reasons.at(-1), "the run changed package.json scripts.test; the owner's version was used");
});

test("pinned files are put back, removed ones too, and added ones are left out", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    Makefile: "test:\n\t@echo '# tests 9'; echo '# pass 9'\n",
    "jest.config.js": "export default {};\n",
  });
  const pinnedFiles = {
    Makefile: "test:\n\t@ls jest.config.js tox.ini; echo '# tests 1'; echo '# pass 0'; echo '# fail 1'; exit 1\n",
    "jest.config.js": null,
    "tox.ini": "[tox]\n",
  };
  const { ok, reasons, facts } = await testsGate.run(
    service.input({ testCommand: "sh -c \"$(sed -n 's/^\\t@//p' Makefile)\"", pinnedFiles }),
  );
  deepEqual([ok, facts.tests!.line], [false, "0/1"]);
  match(facts.output!, /tox\.ini/);
  match(facts.output!, /jest\.config\.js.*No such file|No such file[^]*jest|cannot access 'jest\.config\.js'/);
  deepEqual(reasons.slice(-3), [
    "the run changed Makefile; the owner's version was used",
    "the run added jest.config.js; it was left out, since it steers the tests",
    "the run removed tox.ini; the owner's version was used",
  ]);
  const outside = await testsGate.run(service.input({ pinnedFiles: { "../x": "1" } }));
  deepEqual([outside.ok, outside.facts.kind], [false, "unreadable"]);
});

test("nothing that a stated command goes by is the run's: shell, script, settings of its tools, or a module in its place", async (t) => {
  const red = `import { test } from "node:test";\ntest("wrong", () => { throw new Error("wrong"); });\n`;
  const forged = "#!/bin/sh\necho '# tests 3'; echo '# pass 3'; echo '# fail 0'\n";
  const cheats: Record<string, { command: string; before?: Record<string, string>; run: Record<string, string> }> = {
    "its shell": { command: "npm test", run: { ".npmrc": "script-shell=./forged.sh\n", "forged.sh": forged } },
    "its script": {
      command: "sh scripts/test.sh",
      before: { "scripts/test.sh": "node --test\n" },
      run: { "scripts/test.sh": forged },
    },
    "the settings of its tool": {
      command: `node -e "process.exit(require('./package.json').jest ? 0 : 1)" && sh forged.sh || npm test`,
      run: {
        "package.json": `{ "type": "module", "jest": {}, "scripts": { "test": "node --test" } }`,
        "forged.sh": forged,
      },
    },
    "a module in its place": {
      command: "test -e pytest.py && sh forged.sh || npm test",
      run: { "pytest.py": "print('3 passed in 0.1s')\n", "forged.sh": forged },
    },
    "tables of pyproject.toml": {
      command: "grep -q pytest pyproject.toml && sh forged.sh || npm test",
      before: { "pyproject.toml": `[project]\nname = "sums"\n` },
      run: {
        "pyproject.toml": `[project]\nname = "sums"\n[tool.pytest.ini_options]\naddopts = "-k nothing"\n`,
        "forged.sh": forged,
      },
    },
  };
  await Promise.all(
    Object.entries(cheats).map(async ([what, { command, before = {}, run }]) => {
      const service = await makeService(t, {
        ...greenNode,
        "package.json": script("node --test"),
        "tests/wrong.test.js": red,
        ...before,
      });
      const pinnedFiles = await takeSteeringFiles(service.dir, { refuseNew: true, command });
      await service.write(run);
      const { facts } = await testsGate.run(service.input({ testCommand: command, pinnedFiles, coverageFloor: 0 }));
      deepEqual([facts.kind, facts.tests?.failed], ["tests_failing", 1], what);
    }),
  );
});

test("what a run adds to pyproject.toml beside the settings of tests is part of the build", async (t) => {
  const own = `[project]\nname = "sums"\ndependencies = [\n  "pytest>=8",\n]\n`;
  const service = await makeService(t, { ...greenNode, "package.json": script(honest), "pyproject.toml": own });
  const pinnedFiles = await takeSteeringFiles(service.dir, { refuseNew: true, command: "npm test" });
  await service.write({ "pyproject.toml": own.replace("pytest>=8", `pytest>=8",\n  "httpx`) });
  const { ok, reasons } = await testsGate.run(service.input({ testCommand: "npm test", pinnedFiles }));
  deepEqual([ok, reasons.length], [true, 1]);
});

test("a command that prints no numbers, that says it passes and exits 1, or that is not there, is red", async (t) => {
  const service = await makeService(t, greenNode);
  const run = (testCommand: string) => testsGate.run(service.input({ testCommand, coverageFloor: 0 }));
  const silent = await run("true");
  deepEqual([silent.ok, silent.facts.kind], [false, "no_counts"]);
  const contradictory = await run("echo '# tests 2'; echo '# pass 2'; exit 3");
  deepEqual(
    [contradictory.facts.kind, contradictory.reasons],
    ["tests_failing", ["the test run ended with exit code 3, though no failing test was counted"]],
  );
  const zero = await run("echo '# tests 2'; echo '# pass 1'; echo '# fail 1'; exit 0");
  deepEqual([zero.ok, zero.facts.kind], [false, "tests_failing"]);
  const missing = await run("no-such-runner --all");
  deepEqual([missing.ok, missing.facts.kind], [false, "runner_missing"]);
  match(missing.reasons[0]!, /(?:not found|Permission denied); install what it needs/);
});

test("coverage is taken from a report, unloaded files included; none at all is below the floor", async (t) => {
  const files = { ...greenNode, "src/never.js": "export const a = 1;\nexport const b = 2;\n" };
  const service = await makeService(t, files);
  const counts = "echo '# tests 2'; echo '# pass 2'";
  const lcov = `mkdir coverage; printf 'SF:src/sum.js\\nDA:1,1\\nDA:2,1\\nDA:3,0\\nLF:3\\nLH:2\\nend_of_record\\n' > coverage/lcov.info; ${counts}`;
  const measured = await testsGate.run(service.input({ testCommand: lcov }));
  deepEqual(measured.facts.coverage!.least, [
    { file: "src/never.js", percent: 0 },
    { file: "src/sum.js", percent: 66.6 },
  ]);
  const none = await testsGate.run(service.input({ testCommand: counts }));
  deepEqual([none.ok, none.reasons], [false, ["line coverage was not measured; the floor is 80 %"]]);
  const printed = await testsGate.run(service.input({ testCommand: `${counts}; echo 'TOTAL      120     12    90%'` }));
  deepEqual([printed.ok, printed.facts.coverage!.percent], [true, 90]);
});

test("a stack without a runner of ours asks for the command", async (t) => {
  const service = await makeService(t, {
    "go.mod": "module x\n",
    "main.go": "package main\n",
    "main_test.go": "package main\n",
  });
  const { facts, reasons } = await testsGate.run(service.input());
  deepEqual(
    [facts.kind, reasons],
    [
      "runner_missing",
      ["Steward has no runner of its own for go: state how the tests are run, as test: <command> in steward.yaml"],
    ],
  );
});
