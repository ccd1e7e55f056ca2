import assert from "node:assert/strict";
import { test } from "node:test";
import type { Facts } from "#proof/verdict.ts";
import { nothingKnown, type KnownFacts, type SeenFacts } from "./facts.ts";
import { detectPhase, servicePhases, type PhaseVerdict } from "./phase.ts";

const now = new Date("2026-03-01T12:00:00Z");
const hoursAgo = (hours: number) => new Date(now.getTime() - hours * 3_600_000);
const spec = { file: "SPEC.md", title: null, complete: true, reasons: [], writtenAt: hoursAgo(9), unreadable: null };
const code = { root: "BUILD/", stack: "python", missing: [] };

const empty: SeenFacts = {
  name: "quotes",
  path: "/w/SERVICES/quotes",
  unreadable: null,
  spec: null,
  code: null,
  tests: 0,
  production: [],
  registry: null,
  claim: null,
  settings: {},
  problems: [],
};
const built: Partial<SeenFacts> = { spec, code, tests: 3 };

function detect(seen: Partial<SeenFacts>, known: Partial<KnownFacts> = {}): PhaseVerdict {
  return detectPhase({ seen: { ...empty, ...seen }, known: { ...nothingKnown, ...known } }, { now });
}

function verdict(ok: boolean, kind: Facts["kind"] = null, reason = ok ? "12/12 tests pass" : "3 of 12 tests fail") {
  return { ok, reasons: [reason], facts: { kind, durationMs: 1 } };
}

const claim = { text: "🚧 BUILD IN PROGRESS by session-4", at: hoursAgo(2), ours: false };
const sick = { healthy: false, reasons: ["GET /health answered 503"] };

/** [what is seen, what is known, phase, stage, needs, a reason] */
const table: [string, Partial<SeenFacts>, Partial<KnownFacts>, string, string, string | null, RegExp][] = [
  ["unreadable folder", { unreadable: "permission denied" }, {}, "UNKNOWN", "SPECS", null, /permission denied/],
  [
    "unreadable spec",
    { spec: { ...spec, unreadable: "SPEC.md is a pipe" } },
    {},
    "UNKNOWN",
    "SPECS",
    null,
    /is a pipe/,
  ],
  [
    "sick in production",
    { production: ["PRODUCTION/ exists"] },
    { probe: sick },
    "UNHEALTHY",
    "PRODUCTION",
    null,
    /503/,
  ],
  [
    "sick and beyond recovery",
    { ...built, production: ["x"] },
    { probe: sick, recoveryExhausted: true },
    "UNHEALTHY",
    "PRODUCTION",
    "fixer",
    /503/,
  ],
  [
    "deployed by a hired agent, sick, and nobody asked yet",
    built,
    { deployed: "release v1 serves", hired: "v1", probe: sick },
    "UNHEALTHY",
    "PRODUCTION",
    null,
    /503/,
  ],
  [
    "deployed by a hired agent and sick",
    built,
    { deployed: "release v1 serves", hired: "v1", probe: sick, recoveryExhausted: true },
    "UNHEALTHY",
    "PRODUCTION",
    "devops",
    /503/,
  ],
  [
    "deployed by a hired agent and sick, by its content",
    built,
    {
      deployed: "release v1 serves",
      hired: "v1",
      probe: sick,
      recoveryExhausted: true,
      verdict: { ok: false, reasons: ["it answered 503"], facts: { kind: "unhealthy", durationMs: 1 } },
    },
    "UNHEALTHY",
    "PRODUCTION",
    "fixer",
    /503/,
  ],
  [
    "in production by its folder",
    { production: ["PRODUCTION/ exists"] },
    {},
    "PRODUCTION",
    "PRODUCTION",
    null,
    /not probed/,
  ],
  [
    "in production by our record",
    built,
    { deployed: "version 3 serves", probe: { healthy: true, reasons: [] } },
    "PRODUCTION",
    "PRODUCTION",
    null,
    /^healthy$/,
  ],
  ["no spec", {}, {}, "NEEDS_SPEC", "SPECS", null, /no SPEC\.md/],
  ["no spec, drafting allowed", {}, { draftingAllowed: true }, "NEEDS_SPEC", "SPECS", "architect", /no SPEC\.md/],
  ["no spec but code", { code, tests: 1 }, {}, "NEEDS_SPEC", "SPECS", null, /there is code/],
  [
    "incomplete spec",
    { spec: { ...spec, complete: false, reasons: ["SPEC.md has no Purpose section"] } },
    {},
    "SPEC_INCOMPLETE",
    "SPECS",
    null,
    /no Purpose/,
  ],
  [
    "incomplete spec, drafting allowed",
    { spec: { ...spec, complete: false, reasons: ["x"] } },
    { draftingAllowed: true },
    "SPEC_INCOMPLETE",
    "SPECS",
    "architect",
    /x/,
  ],
  [
    "a live run",
    { spec },
    { liveRun: { agent: "builder-1", capability: "builder", since: now } },
    "BUILD_IN_PROGRESS",
    "BUILD",
    null,
    /builder-1/,
  ],
  ["a fresh claim", { spec, claim }, {}, "BUILD_IN_PROGRESS", "BUILD", null, /session-4/],
  [
    "a stale claim",
    { spec, claim: { ...claim, at: hoursAgo(25) } },
    {},
    "READY_FOR_BUILD",
    "BUILD",
    "builder",
    /still says/,
  ],
  ["complete spec", { spec }, {}, "READY_FOR_BUILD", "BUILD", "builder", /no code yet/],
  [
    "missing files",
    { spec, code: { ...code, missing: [{ file: "Dockerfile", reason: "BUILD/ has no Dockerfile" }] }, tests: 1 },
    {},
    "BUILD_INCOMPLETE",
    "BUILD",
    "builder",
    /no Dockerfile/,
  ],
  ["no tests", { spec, code }, {}, "NEEDS_TESTS", "TEST", "tester", /no tests/],
  [
    "low coverage",
    built,
    { verdict: verdict(false, "coverage_low", "coverage 61 % is under 80 %") },
    "NEEDS_TESTS",
    "TEST",
    "tester",
    /61 %/,
  ],
  ["tests without a verdict", built, {}, "READY_FOR_TEST", "TEST", null, /3 files of tests/],
  [
    "a stated test command",
    { spec, code, settings: { test: "make test" } },
    {},
    "READY_FOR_TEST",
    "TEST",
    null,
    /test command/,
  ],
  [
    "an install that failed",
    built,
    { verdict: verdict(false, "install_failed", "npm ci failed") },
    "READY_FOR_TEST",
    "TEST",
    null,
    /npm ci/,
  ],
  ["red tests", built, { verdict: verdict(false, "tests_failing") }, "TESTS_FAILING", "TEST", "fixer", /3 of 12/],
  ["green tests", built, { verdict: verdict(true) }, "READY_FOR_DEPLOY", "TEST", "devops", /12\/12/],
  [
    "green tests and a target",
    built,
    { verdict: verdict(true), hasDeployTarget: true },
    "READY_FOR_DEPLOY",
    "TEST",
    null,
    /Steward deploys/,
  ],
];
for (const [what, seen, known, phase, stage, needs, reason] of table) {
  test(`${what}: ${phase}${needs === null ? "" : `, needs ${needs}`}`, () => {
    const found = detect(seen, known);
    assert.deepEqual([found.phase, found.stage, found.needs], [phase, stage, needs]);
    assert.ok(
      found.reasons.some((text) => reason.test(text)),
      `no reason like ${reason}: ${found.reasons.join("; ")}`,
    );
  });
}

test("every phase is in the table above", () => {
  const covered = new Set(table.map(([, , , phase]) => phase));
  assert.deepEqual(
    servicePhases.filter((phase) => !covered.has(phase)),
    [],
  );
});

test("the first rule that matches wins, in the order of the table", () => {
  const all: Partial<SeenFacts> = { unreadable: "gone", production: ["x"], claim };
  assert.equal(detect(all, { probe: sick }).phase, "UNKNOWN");
  assert.equal(detect({ ...all, unreadable: null }, { probe: sick }).phase, "UNHEALTHY");
  assert.equal(detect({ ...all, unreadable: null }).phase, "PRODUCTION");
  assert.equal(detect({ claim }).phase, "NEEDS_SPEC");
  assert.equal(detect({ claim, ...built }, { verdict: verdict(true) }).phase, "BUILD_IN_PROGRESS");
});

test("what runs in production goes on being watched though its spec cannot be read", () => {
  const found = detect({ production: ["PRODUCTION/ exists"], spec: { ...spec, unreadable: "SPEC.md is a pipe" } });
  assert.equal(found.phase, "PRODUCTION");
});

test("a running Steward does not believe its own old line, but other people's", () => {
  const ours = { ...claim, ours: true };
  assert.equal(detect({ spec, claim: ours }, { running: true }).phase, "READY_FOR_BUILD");
  assert.equal(detect({ spec, claim: ours }).phase, "BUILD_IN_PROGRESS");
  assert.equal(detect({ spec, claim }, { running: true }).phase, "BUILD_IN_PROGRESS");
});

test("a spec that changed in production opens a round with the difference as its work, and health stands first", () => {
  const production = { ...built, production: ["PRODUCTION/ exists"] };
  const openRound = { specChange: "+ GET /quotes/:id" };
  const found = detect(production, { openRound });
  assert.deepEqual([found.phase, found.needs], ["READY_FOR_BUILD", "builder"]);
  assert.match(found.reasons[0]!, /GET \/quotes\/:id/);
  assert.equal(detect(production, { openRound: { specChange: null } }).phase, "READY_FOR_TEST");
  assert.equal(detect(production, { openRound, probe: sick }).phase, "UNHEALTHY");
  const mended = { openRound: { specChange: null }, probe: sick, recoveryExhausted: true };
  assert.equal(detect(production, mended).phase, "READY_FOR_TEST");
});

test("what could not be read stands beside whatever phase it is, once", () => {
  const found = detect({ spec, problems: ["README.md is not text", "README.md is not text"] });
  assert.equal(found.phase, "READY_FOR_BUILD");
  assert.deepEqual(found.reasons.slice(1), ["README.md is not text"]);
});
