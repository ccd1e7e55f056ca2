import assert from "node:assert/strict";
import { test } from "node:test";
import { decideService, FIX_LIMIT, REPAIR_LIMIT, type History } from "./decide.ts";
import type { PhaseVerdict } from "./phase.ts";

const history = (overrides: Partial<History> = {}): History => ({
  name: "quotes", round: 1, specHash: "a".repeat(64), contentHash: "b".repeat(64), gateHash: "d".repeat(64), releaseHash: "f".repeat(64), live: null, failed: new Map(), done: new Map(), fixes: 0, hired: null, repairs: 0, ...overrides,
}); // prettier-ignore

const verdict = (phase: PhaseVerdict["phase"], overrides: Partial<PhaseVerdict> = {}): PhaseVerdict => ({
  phase, stage: "BUILD", needs: null, reasons: [`it is ${phase}`], ...overrides,
}); // prettier-ignore

test("each phase asks for its own work", () => {
  const asked = (phase: PhaseVerdict["phase"], needs: PhaseVerdict["needs"] = null) => {
    const { does, step } = decideService(verdict(phase, { needs }), history());
    return step ? `${does} ${step.kind} by ${step.capability}` : does;
  };
  assert.equal(asked("READY_FOR_BUILD", "builder"), "ticket build by builder");
  assert.equal(asked("BUILD_INCOMPLETE", "builder"), "ticket build by builder");
  assert.equal(asked("NEEDS_TESTS", "tester"), "ticket tests by tester");
  assert.equal(asked("READY_FOR_TEST"), "ticket prove by prover");
  assert.equal(asked("TESTS_FAILING", "fixer"), "ticket fix by fixer");
  assert.equal(asked("READY_FOR_DEPLOY"), "ticket deploy by deployer");
  assert.equal(asked("READY_FOR_DEPLOY", "devops"), "ticket deploy by devops");
  assert.equal(asked("SPEC_INCOMPLETE"), "ask");
  assert.equal(asked("SPEC_INCOMPLETE", "architect"), "ticket spec by architect");
  assert.equal(asked("UNHEALTHY"), "nothing");
  assert.equal(asked("UNHEALTHY", "fixer"), "ticket fix by fixer");
  assert.equal(asked("BUILD_IN_PROGRESS"), "nothing");
  assert.equal(asked("PRODUCTION"), "nothing");
});

test("while something is worked on, nothing else is asked for", () => {
  const live = { kind: "prove", purpose: "prove round 1", claimed: true };
  assert.equal(decideService(verdict("READY_FOR_DEPLOY"), history({ live })).does, "wait");
});

test("what failed for good, and fixes that do not help, ask the owner and say how to try again", () => {
  const { step } = decideService(verdict("READY_FOR_BUILD", { needs: "builder" }), history());
  const failed = decideService(
    verdict("READY_FOR_BUILD", { needs: "builder" }),
    history({ failed: new Map([[step!.purpose, "no disk"]]) }),
  );
  assert.equal(failed.does, "ask");
  assert.match(failed.why, /build failed for good: no disk\. `steward run quotes` tries again/);

  const fixing = decideService(verdict("TESTS_FAILING", { needs: "fixer" }), history({ fixes: FIX_LIMIT }));
  assert.deepEqual({ does: fixing.does, rule: fixing.rule }, { does: "ask", rule: "service.fix_limit" });
});

test("the same work on the same content is not done a third time", () => {
  const { step } = decideService(verdict("READY_FOR_TEST"), history());
  const again = (times: number) =>
    decideService(verdict("READY_FOR_TEST"), history({ done: new Map([[step!.purpose, times]]) })).does;
  assert.deepEqual([again(1), again(2)], ["ticket", "ask"]);
});

test("a changed spec, content or round is other work", () => {
  const purpose = (overrides: Partial<History>, phase: PhaseVerdict["phase"]) =>
    decideService(verdict(phase, { needs: "builder" }), history(overrides)).step!.purpose;
  assert.notEqual(purpose({}, "READY_FOR_BUILD"), purpose({ specHash: "c".repeat(64) }, "READY_FOR_BUILD"));
  assert.notEqual(purpose({}, "READY_FOR_TEST"), purpose({ contentHash: "c".repeat(64) }, "READY_FOR_TEST"));
  assert.notEqual(purpose({}, "READY_FOR_TEST"), purpose({ gateHash: "e".repeat(64) }, "READY_FOR_TEST"));
  const deploy = (needs: PhaseVerdict["needs"]) =>
    decideService(verdict("READY_FOR_DEPLOY", { needs }), history()).step!.purpose;
  assert.notEqual(deploy("devops"), deploy(null), "a target that is declared later takes the place of a hired one");
  assert.notEqual(purpose({}, "READY_FOR_BUILD"), purpose({ round: 2 }, "READY_FOR_BUILD"));
});

test("what a hired agent deployed is brought back by devops, each fall a ticket of its own, until it fell too often", () => {
  const fallen = (overrides: Partial<History>) =>
    decideService(verdict("UNHEALTHY", { needs: "devops" }), history({ hired: "v1", ...overrides }));
  const first = fallen({});
  assert.deepEqual([first.does, first.step?.kind, first.step?.capability], ["ticket", "deploy", "devops"]);
  assert.notEqual(first.step?.purpose, fallen({ hired: "v2" }).step?.purpose);
  const often = fallen({ repairs: REPAIR_LIMIT });
  assert.deepEqual([often.does, often.rule], ["ask", "service.repair_limit"]);
  assert.match(often.why, /brought back 3 times in 24 h and fell again/);
});
