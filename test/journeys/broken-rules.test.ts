import assert from "node:assert/strict";
import { test } from "node:test";
import { makeJourney } from "./house.fixture.ts";

test("a broken steward.yaml is said with its line while the rules before hold, and once more when it is mended", async (t) => {
  const house = await makeJourney(t, { rules: { coverage_floor: 70 } });
  const { rules, rulesState } = house.running();
  const before = rulesState();
  assert.equal(before.broken, null);
  const whole = await house.read("steward.yaml");

  await house.write("steward.yaml", `${whole}coverage_flor: 90\n`);
  const broken = await house.until("it is said", async () => rulesState().broken);
  assert.deepEqual(broken.problems, [
    {
      line: whole.split("\n").length,
      message: "there is no setting coverage_flor. Did you mean coverage_floor?",
    },
  ]);
  assert.equal(rules().rules.coverage_floor, 70);
  assert.deepEqual({ ...rulesState(), broken: null }, before);

  await house.write("steward.yaml", `${whole}coverage_flor: 90\nfoo: 1\n`);
  const worse = await house.until("the rest is said", async () => rulesState().broken?.problems.length === 2 && rulesState().broken); // prettier-ignore
  assert.deepEqual(worse.since, broken.since, "it has been broken since the first time");

  await house.write("steward.yaml", whole.replace("coverage_floor: 70", "coverage_floor: 75"));
  await house.until("it is taken over", async () => rules().rules.coverage_floor === 75);
  assert.equal(rulesState().broken, null);
  assert.ok(rulesState().since > before.since);
  const events = await house.events(["policy.refused", "policy.mended", "policy.changed"]);
  assert.deepEqual(
    events.map(({ type, body }) => [type, (body["problems"] as string[] | undefined)?.length ?? null]),
    [
      ["policy.changed", null],
      ["policy.refused", 1],
      ["policy.refused", 2],
      ["policy.mended", null],
      ["policy.changed", null],
    ],
  );
  assert.equal(events[1]?.body["inForce"], before.version);
});
