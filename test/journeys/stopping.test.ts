import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { productionItem, productionSettings } from "#deploy/production-settings.ts";
import { endEverything } from "#house/end-everything.ts";
import { setSwitch } from "#policy/switches.ts";
import { silentLog } from "#system/log.ts";
import { agentThatWrites, makeJourney } from "./house.fixture.ts";
import { readyService, smallSpec } from "./small-service.fixture.ts";

test("what serves can be stopped while everything is stopped, once and for all, and nothing that was under way revives it", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") }, rules: { probe_seconds: 60 } });
  const { item } = await house.inProduction("greeter");
  const { deploy } = house.running();
  const declared = deploy.declared("greeter")!;
  const settings = await productionSettings(deploy, await productionItem(deploy, String(item!["id"])), declared);
  await house.query((tx) => setSwitch(tx, "owner", new Date(), { scope: "everything", scopeId: "" }, "holidays"));

  const stopping = house.commands().stopProduction("greeter");
  await house.until("the target says that it is stopped", async () => (await declared.target.status(settings)).stopped);
  await stopping;
  // The supervisor had decided on it a moment before.
  assert.equal((await declared.target.restart(settings, () => {})).serving, null);
  await assert.rejects(house.ask("greeter"), /ECONNREFUSED/);
  assert.equal((await house.storyOf("greeter")).deployments[0]!["state"], "stopped");

  const again = await house.commands().stopProduction("greeter");
  assert.match(again.message, /greeter was stopped already/);
  assert.equal((await house.events(["service.stopped"])).length, 1);
});

test("a service whose target is declared no more is still looked after, and can be stopped", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await house.inProduction("greeter");
  delete house.rulesNow["deploy"];
  await house.rewriteRules();
  await house.until("the rules are in force", async () => house.running().deploy.declared("greeter") === null);

  await house.ask("greeter", "/crash").catch(() => {});
  await house.until("it was restarted", async () => (await house.events(["service.restarted"])).length > 0);
  assert.equal((await house.ask("greeter")).status, 200);
  const { ok } = await house.commands().stopProduction("greeter");
  assert.equal(ok, true);
  await assert.rejects(house.ask("greeter"), /ECONNREFUSED/);
});

test("ending everything ends each service that it can, names the one that it cannot, and frees the runs under their items", async (t) => {
  const slow = agentThatWrites({}, { before: "await new Promise((resolve) => setTimeout(resolve, 60_000));" });
  const house = await makeJourney(t, {
    services: { apart: readyService("apart"), greeter: readyService("greeter"), unbuilt: { "SPEC.md": smallSpec("unbuilt") } },
    rules: { built_in_builder: false },
    agents: { slow: { code: slow, capabilities: ["builder"] } },
  }); // prettier-ignore
  await house.inProduction("apart");
  await house.inProduction("greeter");
  const { item } = await house.waitFor("unbuilt", ({ runs }) => runs.some(({ state }) => state === "running"));
  // Released by commands that are gone from steward.yaml: nobody can say how it is stopped.
  await house.query((tx) => sql`update deployment set target = 'command' from item i where i.id = item_id and i.key = 'apart'`.execute(tx)); // prettier-ignore
  await house.query((tx) => setSwitch(tx, "owner", new Date(), { scope: "everything", scopeId: "" }, "holidays"));
  await house.down();

  const ended = await endEverything(house.settings, { services: true, log: silentLog });
  assert.deepEqual([ended.services, ended.failed.map(({ service }) => service)], [["greeter"], ["apart"]]);
  assert.match(ended.failed[0]!.reason, /has no stop command/);
  await assert.rejects(house.ask("greeter"), /ECONNREFUSED/);
  assert.equal((await house.ask("apart")).status, 200);
  await house.up();
  const [asked] = await house.events(["ticket.stop_asked"]);
  assert.equal(asked!.body["item"], item!["id"]);
  await house.query((tx) => sql`update deployment set target = 'process' where target = 'command'`.execute(tx));
});
