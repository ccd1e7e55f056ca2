import assert from "node:assert/strict";
import { rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { productionItem, productionSettings } from "#deploy/production-settings.ts";
import { recordProbe } from "#deploy/record-probe.ts";
import { RECOVERY_POLICY } from "#health/recovery.ts";
import { makeJourney, writeInto, type Journey } from "./house.fixture.ts";
import { readyService, smallCode } from "./small-service.fixture.ts";

/** As its target is asked when nobody writes down what comes of it: a crash right after it looks like this. */
async function targetOf(house: Journey, service: string) {
  const { item } = await house.storyOf(service);
  const { deploy } = house.running();
  const { target } = deploy.declared(service)!;
  const settings = await productionSettings(deploy, await productionItem(deploy, String(item!["id"])), deploy.declared(service)!); // prettier-ignore
  return { target, settings };
}

async function twoVersions(house: Journey): Promise<void> {
  await house.inProduction("greeter", { version: "v1" });
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  await house.inProduction("greeter", { version: "v2" });
}

/** What the tables are made to say would otherwise be met by another deploy. */
async function nothingIsReleased(house: Journey): Promise<void> {
  await house.rewriteRules({ deploy: "none" });
  await house.until("the rules are in force", async () => house.running().deploy.declared("greeter") === null);
}

const states = async (house: Journey) =>
  (await house.storyOf("greeter")).deployments.map(({ version, state }) => `${String(version)} ${String(state)}`);

const corrections = async (house: Journey) =>
  (await house.events(["service.record_corrected"], { service: "greeter" })).map(({ body }) => body);

test("a rollback that was made and not recorded is recorded, and what was taken back waits for its owner", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await twoVersions(house);
  const { target, settings } = await targetOf(house, "greeter");
  assert.equal((await target.rollback({ settings, because: "by hand" }, () => {})).serving, "v1");

  const story = await house.waitFor("greeter", ({ item }) => item?.["phase"] === "TESTS_FAILING");
  assert.deepEqual(await states(house), ["v1 live", "v2 rolled_back"]);
  const [corrected, ...more] = await corrections(house);
  assert.deepEqual([corrected!["from"], corrected!["to"], more.length], ["v2", "v1", 0]);
  assert.match(String(corrected!["reason"]), /v2 was taken back, and that was not recorded: you took it back/);
  assert.equal((await house.events(["service.rolled_back"])).length, 1);
  assert.equal(story.tickets.at(-1)!["state"], "done", "nobody releases it again by himself");
  assert.equal(await (await house.ask("greeter", "/")).text(), "hello, v1");
  await house.until("its log tells it", async () =>
    /v1 serves, not v2/.test(await house.read("SERVICES/greeter/PRODUCTION/deployment_log.md")),
  );
});

test("a deploy that was done and not recorded is recorded, and not done again", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await twoVersions(house);
  await nothingIsReleased(house);
  // As it was in the moment before v2 was recorded, and its ticket given up meanwhile.
  await house.query(async (tx) => {
    await sql`update deployment set state = 'failed' where version = 'v2'`.execute(tx);
    await sql`update deployment set state = 'live', ended_at = null where version = 'v1'`.execute(tx);
  });
  await house.until("it is recorded", async () => (await corrections(house)).length > 0);
  await house.inProduction("greeter", { version: "v2" });
  assert.deepEqual(await states(house), ["v1 superseded", "v2 live"]);
  const [{ reason } = {}] = await corrections(house);
  assert.match(String(reason), /the deploy of v2 was done, and whoever did it died/);
});

test("a release that no record knows, as after an older database was restored, is recorded, and its version not given again", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await twoVersions(house);
  await nothingIsReleased(house);
  await house.query(async (tx) => {
    await sql`update deployment set version = 'lost', state = 'failed' where version = 'v2'`.execute(tx);
    await sql`update deployment set state = 'live', ended_at = null where version = 'v1'`.execute(tx);
  });
  await house.until("it is recorded", async () => (await corrections(house)).length > 0);
  await house.inProduction("greeter", { version: "v2" });
  await house.rewriteRules({ deploy: { target: "process" } });
  await house.until("the rules are in force", async () => house.running().deploy.declared("greeter") !== null);
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "ciao" }));
  await house.inProduction("greeter", { version: "v3" });
  assert.equal(await (await house.ask("greeter", "/")).text(), "ciao, v3");
});

test("a stop that was made and not recorded is recorded while Steward runs, once", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await house.inProduction("greeter");
  const { target, settings } = await targetOf(house, "greeter");
  await target.stop(settings, { forGood: true });
  await house.waitFor("greeter", ({ deployments }) => deployments[0]?.["state"] === "stopped");
  assert.equal((await house.storyOf("greeter")).item!["health"], "stopped");
  await house.running().supervisor.round();
  assert.equal((await house.events(["service.stopped"])).length, 1);
  await assert.rejects(house.ask("greeter"), /ECONNREFUSED/);

  // And back, which is not recorded either.
  await house.down();
  assert.equal((await target.rollback({ settings, toVersion: "v1", because: "by hand" }, () => {})).ok, true);
  await house.up();
  await house.inProduction("greeter", { version: "v1" });
  assert.equal((await corrections(house)).length, 2);
});

test("what was decided of one release does not take back the next one", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await twoVersions(house);
  const { target, settings } = await targetOf(house, "greeter");
  const late = target.rollback({ settings, from: "v1", toVersion: "v1", because: "v1 was sick" }, () => {});
  await assert.rejects(late, /greeter v1 is not in production any more, v2 is/);
  assert.equal(await (await house.ask("greeter", "/")).text(), "bonjour, v2");
});

test("a probe that was asked before its release was stopped, and is counted after, says nothing", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  const { item, deployments } = await house.inProduction("greeter");
  await house.commands().stopProduction("greeter");
  const status = { version: "v1", contentHash: null, healthy: false, stopped: false, brokenOff: null, gone: true, reason: "nothing listens there", latencyMs: null, url: null } as const; // prettier-ignore
  const of = { id: String(item!["id"]), key: "greeter" };
  const said = await recordProbe(
    house.running().deploy,
    of,
    String(deployments[0]!["id"]),
    status,
    [],
    RECOVERY_POLICY,
  );
  assert.deepEqual([said, (await house.storyOf("greeter")).item!["health"]], [false, "stopped"]);
  assert.deepEqual((await house.storyOf("greeter")).incidents, []);
});

test("a release of which nothing is left on the machine is released again, and nobody is asked to mend it", async (t) => {
  const house = await makeJourney(t, { services: { greeter: readyService("greeter") } });
  await house.inProduction("greeter");
  const { target, settings } = await targetOf(house, "greeter");
  await house.down();
  await target.stop(settings, { forGood: false });
  await rm(join(house.settings.home, "production", "greeter"), { recursive: true });
  await house.up();
  const story = await house.inProduction("greeter", { version: "v2" });
  assert.equal(await (await house.ask("greeter", "/")).text(), "hello, v2");
  assert.deepEqual(story.tickets.map(({ kind }) => kind), ["prove", "deploy", "deploy"]); // prettier-ignore
  assert.deepEqual(await house.events(["service.restarted", "service.rolled_back", "service.repair_asked"]), []);
});
