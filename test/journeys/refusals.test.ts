import assert from "node:assert/strict";
import { test } from "node:test";
import { explainWaits } from "#dispatch/explain.ts";
import { agentThatWrites, copyExample, makeJourney, pause } from "./house.fixture.ts";
import { readyService, smallCode } from "./small-service.fixture.ts";

test("what the built-in builder refuses waits with its reasons, and the next agent in steward.yaml takes it at once", async (t) => {
  const house = await makeJourney(t, { services: { landing: await copyExample("landing") } });
  const { tickets } = await house.waitFor("landing", ({ runs }) => runs.some(({ outcome }) => outcome === "refused"));
  await pause(1_300);
  const { tickets: later, runs } = await house.storyOf("landing");
  assert.equal(runs.length, 1, "nobody is asked twice");
  assert.deepEqual([later.length, later[0]!["state"], later[0]!["attempt"]], [1, "ready", 0]);
  const id = String(tickets[0]!["id"]);
  const waits = await house.query((tx) => explainWaits(tx, new Date(), [id]));
  assert.match(waits.get(id)!, /^waits for another agent with the capability builder: SPEC\.md/);
  const [refused] = await house.events(["ticket.refused"]);
  assert.ok((refused!.body["reasons"] as string[]).length > 0);

  await house.write("agents/maker.mjs", agentThatWrites(smallCode()));
  const saved = performance.now();
  const command = [process.execPath, "{workspace}/agents/maker.mjs"];
  await house.rewriteRules({ agents: { maker: { command, capabilities: ["builder"] } } });
  await house.waitFor("landing", ({ runs: all }) => all.some(({ agent, state }) => agent === "maker" && state !== "starting")); // prettier-ignore
  const took = performance.now() - saved;
  assert.ok(took < 8_000, `taken after ${Math.round(took)} ms`);
  await house.inProduction("landing");
  const changes = (await house.events(["policy.changed"])).filter(({ body }) => body["from"] !== null);
  assert.equal(changes.length, 1);
  assert.ok((await house.events(["agent.registered"])).some(({ body }) => body["name"] === "maker"));
});

test("a broken steward.yaml keeps the rules before in force, and says what is wrong", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await house.inProduction("greeter");
  const version = house.running().rules().version;
  const good = await house.read("steward.yaml");
  const complaints = () => house.said.filter((line) => line.includes("the rules before stay in force"));
  for (const [index, [broken, what]] of [
    [`${good}\ncoverage_floor: many\n`, /coverage_floor/] as const,
    [`${good}\nagents: [`, /steward\.yaml line \d+: /] as const,
    [`${good}\nnot_a_setting: 1\n`, /not_a_setting/] as const,
  ].entries()) {
    await house.write("steward.yaml", broken);
    await house.until("it is said", async () => complaints().length > index);
    assert.match(complaints()[index] ?? "", what);
    assert.equal(house.running().rules().version, version);
  }
  const { item, deployments } = await house.storyOf("greeter");
  assert.deepEqual([item!["phase"], item!["health"], deployments[0]!["state"]], ["PRODUCTION", "healthy", "live"]);
  assert.deepEqual(
    (await house.events(["policy.changed"])).filter(({ body }) => body["from"] !== null),
    [],
  );
  await house.rewriteRules({ coverage_floor: 70 });
  await house.until("the next good one is taken", async () => house.running().rules().rules.coverage_floor === 70);
});
