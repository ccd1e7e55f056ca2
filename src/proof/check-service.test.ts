import { deepEqual, equal, match, notEqual } from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { appendFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isProved, proveService } from "./check-service.ts";
import { contentHash } from "./content-hash.ts";
import { greenNode, makeService } from "./fixtures/make-service.ts";
import { settingsHash } from "./gate.ts";

const spec = `# Sums
## Purpose
Adds numbers for the accounts team.
## Requirements
- Add two numbers.
## API Specs
GET /sum?a=1&b=2 answers {"sum": 3}.
## Dependencies
None but Node.
## Success Criteria
- Every sum is right.
`;

const whole = {
  ...greenNode,
  "SPEC.md": spec,
  "src/index.js": `export { sum } from "./sum.js";\n`,
  "tests/index.test.js": `import { test } from "node:test";\nimport { equal } from "node:assert/strict";\nimport { sum } from "../src/index.js";\ntest("exports", () => equal(sum(1, 1), 2));\n`,
  Dockerfile: "FROM node:24\n",
  ".env.example": "PORT=8100\n",
};

test("a whole service is proved by three green verdicts, each bound to its content and the settings", async (t) => {
  const service = await makeService(t, whole);
  const input = service.input();
  const verdicts = await proveService(input);
  deepEqual(
    verdicts.map(({ gate, ok, reasons }) => [gate, ok, ...reasons]),
    [
      ["spec", true, "SPEC.md is complete"],
      ["build-files", true, "every file that node needs is there"],
      ["tests", true, "3/3 tests pass; 100 % of lines covered"],
    ],
  );
  const hash = await contentHash(service.dir);
  deepEqual(new Set(verdicts.map((verdict) => verdict.contentHash)), new Set([hash]));
  deepEqual(new Set(verdicts.map((verdict) => verdict.settingsHash)), new Set([settingsHash(input.settings)]));
  deepEqual([isProved(verdicts), isProved(verdicts.slice(0, 2)), isProved([])], [true, false, false]);
  equal(await contentHash(service.dir), hash, "proving leaves the service as it was");
});

test("the first red gate ends the proof, with what is missing", async (t) => {
  const service = await makeService(t, whole);
  await service.remove("Dockerfile");
  const files = await proveService(service.input());
  deepEqual(
    files.map(({ gate, ok }) => [gate, ok]),
    [
      ["spec", true],
      ["build-files", false],
    ],
  );
  deepEqual([files[1]!.facts.kind, files[1]!.facts.missing], ["files_missing", ["Dockerfile"]]);
  await service.write({ "SPEC.md": spec.replace("- Every sum is right.", "TODO") });
  const [specVerdict, ...rest] = await proveService(service.input());
  deepEqual([specVerdict!.ok, specVerdict!.facts.missing, rest], [false, ["Success Criteria"], []]);
  match(specVerdict!.reasons.join(), /Success Criteria/);
  await service.remove("SPEC.md");
  deepEqual((await proveService(service.input()))[0]!.reasons, ["there is no SPEC.md"]);
});

test("green verdicts about two versions prove nothing", async (t) => {
  const service = await makeService(t, whole);
  const proved = await proveService(service.input());
  await appendFile(join(service.dir, "SPEC.md"), "\nMore.\n");
  const [later] = await proveService(service.input(), ["spec"]);
  notEqual(later!.contentHash, proved[1]!.contentHash);
  equal(isProved([later!, ...proved.slice(1)]), false);
});

test("settings are part of a verdict's name, whatever their order; leave for one round is not", async (t) => {
  const { input } = await makeService(t);
  const { settings } = input();
  const reversed = Object.fromEntries(Object.entries(settings).toReversed()) as typeof settings;
  equal(settingsHash(reversed), settingsHash(settings));
  equal(settingsHash({ ...settings, allowFewerTests: true }), settingsHash(settings));
  notEqual(settingsHash({ ...settings, coverageFloor: 10 }), settingsHash(settings));
});

test("a spec that is a pipe, and a service that is not there, are red and hold nothing up", async (t) => {
  const service = await makeService(t, { "src/a.js": "1" });
  execFileSync("mkfifo", [join(service.dir, "SPEC.md")]);
  const [pipe] = await proveService(service.input());
  deepEqual([pipe!.ok, pipe!.facts.kind], [false, "unreadable"]);
  const [gone] = await proveService({ ...service.input(), serviceDir: join(service.top, "none") });
  deepEqual([gone!.ok, gone!.facts.kind], [false, "unreadable"]);
});
