import { deepEqual, equal, match } from "node:assert/strict";
import { symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { greenNode, makeService } from "#proof/fixtures/make-service.ts";
import { testsGate } from "./tests.ts";

const failing = `import { test } from "node:test";\nimport { equal } from "node:assert/strict";\n`;

test("a service whose tests pass is green, with its counts, names and coverage, and nothing is left behind", async (t) => {
  const service = await makeService(t, greenNode);
  const verdict = await testsGate.run(service.input());
  deepEqual(verdict.reasons, ["2/2 tests pass; 100 % of lines covered"]);
  deepEqual(verdict.facts.tests, { passed: 2, failed: 0, skipped: 0, total: 2, line: "2/2" });
  deepEqual(verdict.facts.cases!.map(({ name, file, status }) => `${file} ${name} ${status}`).toSorted(), [
    "tests/sum.test.js adds negatives passed",
    "tests/sum.test.js adds passed",
  ]);
  deepEqual([verdict.ok, verdict.facts.kind, verdict.facts.coverage!.percent], [true, null, 100]);
  deepEqual(await service.leftInScratch(), []);
});

test("a red suite is red with the failing test's name and words, also when NODE_TEST_CONTEXT is inherited", async (t) => {
  equal(process.env.NODE_TEST_CONTEXT, "child-v8", "this test itself runs where the trap is set");
  const service = await makeService(t, {
    ...greenNode,
    "tests/bad.test.js": `${failing}test("carries", () => equal(1, 2, "one is not two"));\n`,
  });
  const { ok, reasons, facts } = await testsGate.run(service.input());
  deepEqual([ok, facts.kind, facts.tests!.line], [false, "tests_failing", "2/3"]);
  deepEqual(reasons, [`2/3 tests pass; 1 failing: "carries"`]);
  match(facts.cases![0]!.message!, /one is not two/);
  match(facts.output!, /not ok - carries/);
});

test("tests beside BUILD/, in TypeScript and in a file with brackets in its name are found and run", async (t) => {
  const service = await makeService(t, {
    "SPEC.md": "# Sums",
    "BUILD/package.json": `{ "type": "module" }`,
    "BUILD/src/sum.ts": `export type Sum = number;\nexport const sum = (a: number, b: number): Sum => a + b;\n`,
    "BUILD/src/types.ts": `/** Only a type: nothing can load it. */\nexport type Money = { cents: number };\n`,
    "BUILD/tests/[id].test.ts": `${failing}import { sum } from "../src/sum.ts";\ntest("adds", () => equal(sum(1, 2), 3));\n`,
  });
  const { ok, reasons, facts } = await testsGate.run(service.input());
  deepEqual([ok, reasons], [true, ["1/1 tests pass; 100 % of lines covered"]]);
  equal(facts.cases![0]!.file, "BUILD/tests/[id].test.ts");
});

test("a suite that ends its process with 0 before it is done is red", async (t) => {
  const quitters = {
    "at the top": `${failing}test("never", () => equal(1, 2));\nprocess.exit(0);\n`,
    "by another name": `${failing}setTimeout(() => process.reallyExit(0));\nfunction later() { test("never", () => new Promise(() => {})); }\nlater();\n`,
    "in a test": `${failing}test("quits", () => process.exit(0));\ntest("never", () => equal(1, 2));\n`,
    "by becoming another program": `${failing}process.execve("/bin/true", ["true"], {});\n  test("never", () => equal(1, 2));\n`,
  };
  for (const [where, text] of Object.entries(quitters)) {
    const service = await makeService(t, { ...greenNode, "tests/quit.test.js": text });
    const { ok, reasons, facts } = await testsGate.run(service.input());
    deepEqual([ok, facts.kind], [false, "ended_early"], where);
    match(reasons[0]!, /^tests\/quit\.test\.js ended its process/);
  }
});

test("helpers beside the tests, and programs that they fork, may end as they like", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "tests/server.js": `import { after } from "node:test";\nexport const later = (done) => after(done);\n`,
    "tests/fork.test.js": `${failing}import { fork } from "node:child_process";
import { once } from "node:events";
import { later } from "./server.js";
test("forks", async () => {
  later(() => {});
  const [code] = await once(fork(new URL("../src/quit.js", import.meta.url)), "exit");
  equal(code, 0);
});
`,
    "src/quit.js": "process.exit(0);\n",
  });
  const { ok, reasons } = await testsGate.run(service.input());
  deepEqual([ok, reasons], [true, ["3/3 tests pass; 100 % of lines covered"]]);
});

test("printed TAP does not count, and a suite without tests is red", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "tests/sum.test.js": `console.log("TAP version 13\\nok 1 - adds\\n1..1\\n# tests 1\\n# pass 1\\n# fail 0");\n`,
  });
  const { ok, facts, reasons } = await testsGate.run(service.input());
  deepEqual([ok, facts.kind, facts.tests!.total, reasons[0]], [false, "no_tests", 0, "no test ran"]);
  await service.remove("tests");
  const without = await testsGate.run(service.input());
  deepEqual([without.ok, without.facts.kind], [false, "no_tests"]);
  match(without.reasons[0]!, /no test files were found: write them as tests\/\*\.test\.js/);
});

test("a test that writes to the report, by its own guess at the channel, does not pass", async (t) => {
  const forge = `${failing}import { openSync, readdirSync, readlinkSync, writeSync } from "node:fs";
const line = '0 ' + "a".repeat(64) + ' {"type":"test","name":"forged","passed":true}\\n';
for (const pid of [process.pid, process.ppid]) {
  for (const fd of readdirSync("/proc/" + pid + "/fd")) {
    if (Number(fd) < 3) continue;
    try { writeSync(pid === process.pid ? Number(fd) : openSync("/proc/" + pid + "/fd/" + fd, "w"), line); } catch {}
  }
}
test("real", () => equal(1, 2));
`;
  const service = await makeService(t, { ...greenNode, "tests/forge.test.js": forge });
  const { ok, facts } = await testsGate.run(service.input());
  equal(ok, false);
  equal(
    facts.cases!.some((one) => one.name === "forged"),
    false,
  );
});

test("files that no test loads count as uncovered, and the least covered are named", async (t) => {
  const idle = (lines: number) =>
    "export const line = 1;\n".repeat(lines).replaceAll(/line/g, () => `l${Math.random().toString(36).slice(2)}`);
  const service = await makeService(t, { ...greenNode, "src/never.js": idle(200), "src/rarely.js": idle(20) });
  const { ok, facts, reasons } = await testsGate.run(service.input());
  deepEqual([ok, facts.kind], [false, "coverage_low"]);
  match(
    reasons[0]!,
    /^line coverage is 1\.[0-9] %, below the floor of 80 %; least covered: src\/never\.js 0 %, src\/rarely\.js 0 %$/,
  );
  const lower = await testsGate.run(service.input({ coverageFloor: 1 }));
  equal(lower.ok, true);
});

test("all tests skipped is red, and a skipped test is no pass", async (t) => {
  const service = await makeService(t, greenNode);
  await service.write({ "tests/sum.test.js": greenNode["tests/sum.test.js"]!.replaceAll('test("', 'test.skip("') });
  const { ok, facts, reasons } = await testsGate.run(service.input({ coverageFloor: 0 }));
  deepEqual([ok, facts.kind, facts.tests!.line, reasons], [false, "no_tests", "0/2", ["all 2 tests are skipped"]]);
});

test("failing tests may not be deleted, skipped or thinned out instead of mended", async (t) => {
  const bad = `${failing}test("carries", () => equal(1, 2));\n`;
  const service = await makeService(t, { ...greenNode, "tests/bad.test.js": bad });
  const before = (await testsGate.run(service.input())).facts;

  await service.write({ "tests/bad.test.js": bad.replace('test("', 'test.skip("') });
  const skipped = await testsGate.run(service.input({}, { before }));
  deepEqual([skipped.ok, skipped.facts.kind], [false, "tampered"]);
  deepEqual(skipped.reasons[0], `failing test "carries" is skipped; mend what it tests instead`);

  await service.remove("tests/bad.test.js");
  const gone = await testsGate.run(service.input({}, { before }));
  deepEqual(gone.reasons, [
    `failing test "carries" is gone; mend what it tests instead`,
    "2 tests ran, 3 did before: tests were taken away or skipped",
  ]);
  equal((await testsGate.run(service.input({ allowFewerTests: true }, { before }))).ok, true);

  await service.write({ "tests/bad.test.js": bad.replace("equal(1, 2)", "equal(1, 1)") });
  equal((await testsGate.run(service.input({}, { before }))).ok, true);
});

test("what is owed is not forgotten by a red verdict, nor by one that could not run", async (t) => {
  const bad = `${failing}test("carries", () => equal(1, 2));\n`;
  const service = await makeService(t, { ...greenNode, "tests/bad.test.js": bad });
  let before = (await testsGate.run(service.input())).facts;
  const again = async (settings = {}) => (await testsGate.run(service.input(settings, { before }))).facts;
  // Deleted, then judged while nothing can run, then judged twice more: still owed.
  await service.remove("tests/bad.test.js");
  before = await again();
  before = await again({ testTimeoutMs: 1 });
  equal(before.kind, "timeout");
  before = await again();
  equal(before.kind, "tampered");
  deepEqual(before.baseline, {
    owed: [{ name: "carries", file: "tests/bad.test.js" }],
    ran: 3,
    ignores: { comments: 0, hiddenLines: 0 },
  });
  await service.write({ "tests/bad.test.js": bad.replace("equal(1, 2)", "equal(1, 1)") });
  before = await again();
  deepEqual([before.kind, before.baseline!.owed], [null, []]);
});

test("lines that a red verdict found hidden are still new in the next", async (t) => {
  const idle = `/* node:coverage disable */\nexport function untested() {\n  return 1;\n}\n/* node:coverage enable */\n`;
  const service = await makeService(t, { ...greenNode, "src/sum.js": greenNode["src/sum.js"]! + idle });
  const first = await testsGate.run(service.input());
  const second = await testsGate.run(service.input({}, { before: first.facts }));
  deepEqual([first.facts.kind, second.facts.kind], ["tampered", "tampered"]);
});

test("a test file that cannot be loaded is red, and green again when it is mended", async (t) => {
  const service = await makeService(t, { ...greenNode, "tests/broken.test.js": `${failing}import "./none.js";\n` });
  const broken = await testsGate.run(service.input());
  deepEqual(
    [broken.ok, broken.facts.kind, broken.facts.cases![0]!.name],
    [false, "tests_failing", "tests/broken.test.js"],
  );
  await service.write({ "tests/broken.test.js": `${failing}test("loads", () => equal(1, 1));\n` });
  equal((await testsGate.run(service.input({}, { before: broken.facts }))).ok, true);
});

test("new comments that hide code from coverage are red beyond five percent, and told below it", async (t) => {
  const idle = `/* node:coverage disable */\nexport function untested() {\n  return 1;\n}\n/* node:coverage enable */\n`;
  const service = await makeService(t, { ...greenNode, "src/sum.js": greenNode["src/sum.js"]! + idle });
  const hidden = await testsGate.run(service.input());
  deepEqual([hidden.ok, hidden.facts.kind], [false, "tampered"]);
  match(hidden.reasons[0]!, /^1 new comment hides 5 lines from coverage \(62\.5 %, at most 5 % may be\)/);
  const known = await testsGate.run(
    service.input(
      {},
      { before: { kind: null, durationMs: 1, baseline: { owed: [], ran: 0, ignores: hidden.facts.ignores! } } },
    ),
  );
  deepEqual(known.reasons, ["2/2 tests pass; 100 % of lines covered", "1 comment keeps 5 lines out of coverage"]);
});

test("a test that hangs, and one that floods, is ended and told", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "tests/hang.test.js": `${failing}test("hangs", () => new Promise(() => setInterval(() => {}, 1e6)));\n`,
  });
  const hung = await testsGate.run(service.input({ testTimeoutMs: 1_000 }));
  deepEqual([hung.facts.kind, hung.reasons], ["timeout", ["the test run did not end within 1 s and was ended"]]);
  await service.write({
    "tests/hang.test.js": `import { writeSync } from "node:fs";\nfor (;;) writeSync(1, "x".repeat(1e4) + "\\n");\n`,
  });
  const flooded = await testsGate.run(service.input({ outputLimitBytes: 1 << 20 }));
  deepEqual(
    [flooded.facts.kind, flooded.reasons],
    ["output_limit", ["the test run wrote more than 1 MiB and was ended"]],
  );
  deepEqual(await service.leftInScratch(), []);
});

test("tests cannot reach the owner's files by a link, and do not see the server's environment", async (t) => {
  const service = await makeService(t, {
    ...greenNode,
    "tests/reach.test.js": `${failing}import { existsSync } from "node:fs";
test("no way out", () => equal(existsSync(new URL("../owner/secret", import.meta.url)), false));
test("no secrets", () => equal(process.env.STEWARD_TEST_SECRET, undefined));
`,
  });
  process.env.STEWARD_TEST_SECRET = "s3cret";
  t.after(() => delete process.env.STEWARD_TEST_SECRET);
  await writeFile(join(service.top, "secret"), "s");
  await symlink("..", join(service.dir, "owner"));
  const { ok, reasons } = await testsGate.run(service.input());
  deepEqual([ok, reasons[1]], [true, "link not copied: owner: it points outside the service"]);
});

test("content that changes while it is judged gets no verdict", async (t) => {
  const service = await makeService(t, greenNode);
  const path = JSON.stringify(join(service.dir, "src/sum.js"));
  await service.write({
    "tests/late.test.js": `${failing}import { appendFileSync } from "node:fs";\ntest("edits", () => appendFileSync(${path}, "// later\\n"));\n`,
  });
  const baseline = {
    owed: [{ name: "carries", file: "tests/bad.test.js" }],
    ran: 3,
    ignores: { comments: 0, hiddenLines: 0 },
  };
  const before = { kind: "tests_failing" as const, durationMs: 1, baseline };
  const { ok, facts, reasons } = await testsGate.run(service.input({}, { before }));
  deepEqual([ok, facts.kind, facts.baseline], [false, "content_changed", baseline]);
  match(reasons[0]!, /content changed while it was judged/);
});

test("tests of another framework ask for the command that runs them", async (t) => {
  const service = await makeService(t, { ...greenNode, "tests/sum.test.js": `import { test } from "vitest";\n` });
  const { facts, reasons } = await testsGate.run(service.input());
  equal(facts.kind, "runner_missing");
  match(reasons[0]!, /written for vitest: state how to run them, as test: npm test/);
});

test("code counts wherever it lies and however it is written down, or untested code would hide there", async (t) => {
  const untested = `export function untested(some) {\n  if (some) {\n    return 1;\n  }\n  return 2;\n}\n`;
  const trees: Record<string, Record<string, string>> = {
    "in a folder of tests": {
      "src/sum.js": `${greenNode["src/sum.js"]!}export const more = () => import("../tests/lib/more.js");\n`,
      "tests/lib/more.js": untested.repeat(3).replaceAll(/untested/g, (_, at) => `untested${at}`),
    },
    "in what calls itself generated": {
      "src/sum.js": `${greenNode["src/sum.js"]!}export const more = () => import("./generated/more.js");\n`,
      "src/generated/more.js": untested,
    },
    "in the script that starts the service": {
      "package.json": `{ "type": "module", "scripts": { "start": "node scripts/start.js" } }`,
      "scripts/start.js": untested,
    },
    "on one line": {
      "src/sum.js": `${greenNode["src/sum.js"]!}${untested
        .replaceAll(/\s+/g, " ")
        .repeat(4)
        .replaceAll(/untested/g, (_, at) => `untested${at}`)}\n`,
    },
  };
  await Promise.all(
    Object.entries(trees).map(async ([where, files]) => {
      const service = await makeService(t, { ...greenNode, ...files });
      const { facts } = await testsGate.run(service.input());
      equal(facts.kind, "coverage_low", where);
    }),
  );
});
