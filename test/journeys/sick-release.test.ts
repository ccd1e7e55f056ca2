import assert from "node:assert/strict";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { hammer } from "./hammer.fixture.ts";
import { agentThatWrites, makeJourney, writeInto } from "./house.fixture.ts";
import { readyService, smallCode, type Sickness } from "./small-service.fixture.ts";

const ticketNoted = `await note("seen.json", ticket);`;

for (const { sickness, says } of [
  { sickness: "never healthy", says: /did not come up.*503/ },
  { sickness: "crashes", says: /did not come up.*exit code 3/ },
] satisfies { sickness: Sickness; says: RegExp }[]) {
  test(`a new version that is sick (${sickness}) is taken back by itself, and production never stops answering`, async (t) => {
    const house = await makeJourney(t, {
      services: { greeter: readyService("greeter") },
      changes: { healthMs: 4_000 },
    });
    await house.inProduction("greeter");
    const clients = hammer(t, `http://127.0.0.1:${house.ports["greeter"]}/`);
    // The owner's own change; nobody mends it, so that it stays to be looked at.
    await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour", sickness }));
    const told = await house.waitFor("greeter", ({ item }) => item?.["phase"] === "TESTS_FAILING");
    const { failed, seen } = await clients.stop();
    assert.deepEqual([failed, seen], [[], ["200 hello, v1"]]);

    assert.deepEqual(told.deployments.map(({ version, state }) => [version, state]), [["v1", "live"], ["v2", "failed"]]); // prettier-ignore
    const red = told.verdicts.at(-1)!;
    assert.deepEqual([red["gate"], red["ok"], red["content_hash"]], ["health", false, told.item!["content_hash"]]);
    assert.match(String((red["reasons"] as string[])[0]), says);
    const fix = told.tickets.at(-1)!;
    assert.deepEqual([fix["kind"], fix["capability"], fix["state"]], ["fix", "fixer", "ready"]);
    const body = fix["body"] as { reasons: string[]; output: string };
    assert.match(body.reasons[0]!, says);
    assert.match(body.output, sickness === "crashes" ? /no such table: greetings/ : /greeting as v2/);

    const events = (await house.events()).map(({ type }) => type);
    assert.equal(events.filter((type) => type === "service.deploy_failed").length, 1);
    assert.equal(events.filter((type) => type === "service.deployed").length, 1);
    for (const never of ["service.rolled_back", "incident.opened", "service.restarted"])
      assert.ok(!events.includes(never), never);
    await house.until("the log tells it", async () =>
      /did not deploy v2: .*v1 goes on serving/.test(await house.read("SERVICES/greeter/PRODUCTION/deployment_log.md")),
    );
  });
}

test("a first release that is sick is no production: a fixer gets it, and no record says that it serves", async (t) => {
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter", { sickness: "crashes" }) },
    changes: { healthMs: 4_000 },
  });
  const told = await house.waitFor("greeter", ({ tickets }) => tickets.some(({ kind }) => kind === "fix"));
  await house.runAgain("greeter");
  const later = await house.storyOf("greeter");
  assert.deepEqual([later.item!["phase"], later.item!["stage"]], ["TESTS_FAILING", "TEST"]);
  const fix = later.tickets.at(-1)!;
  assert.deepEqual([fix["id"], fix["kind"], fix["state"]], [told.tickets.at(-1)!["id"], "fix", "ready"]);
  assert.deepEqual(
    later.deployments.map(({ state }) => state),
    ["failed"],
  );
  await assert.rejects(house.read("SERVICES/greeter/PRODUCTION/deployment_log.md"), { code: "ENOENT" });
  await house.until("the registry says it", async () =>
    /"status": ?"tests failing"/.test(await house.read("SERVICES/SERVICE_REGISTRY.json").catch(() => "")),
  );
});

test("a version that is well at first is restarted within its budget, then taken back, then mended with its log", async (t) => {
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter") },
    rules: { built_in_builder: false },
    agents: {
      mender: { code: agentThatWrites({}, { before: ticketNoted + "process.exit(1);" }), capabilities: ["fixer"] },
    },
  });
  await house.inProduction("greeter");
  const clients = hammer(t, `http://127.0.0.1:${house.ports["greeter"]}/health`);
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour", sickness: "sick once told" }));
  await house.inProduction("greeter", { version: "v2" });
  await writeFile(join(house.settings.home, "production/greeter/data/sick"), "");

  const story = await house.waitFor("greeter", ({ runs }) => runs.some(({ kind, state }) => kind === "fix" && state === "ended")); // prettier-ignore
  const { failed, seen } = await clients.stop();
  assert.deepEqual(
    [...new Set(failed)],
    ["503 well for a while"],
    "only the new version's own errors, until it is gone",
  );
  assert.deepEqual(seen.toSorted(), ["200 well", "200 well for a while", "503 well for a while"]);

  assert.deepEqual(story.deployments.map(({ version, state }) => [version, state]), [["v1", "live"], ["v2", "rolled_back"]]); // prettier-ignore
  const told = await house.events(["service.restarted", "service.rolled_back", "service.repair_asked"]);
  assert.deepEqual(told.map(({ type }) => type), ["service.restarted", "service.restarted", "service.rolled_back"]); // prettier-ignore
  assert.match(String(told[0]!.body["reason"]), /v2 failed 2 probes in a row: .*503.*restart 1 of 2/);
  assert.match(String(told[2]!.body["reason"]), /2 restarts in .* did not help; going back to v1/);
  assert.ok(told.every(({ rule }) => rule !== null));
  const red = story.verdicts.at(-1)!;
  assert.deepEqual([red["gate"], red["ok"], red["content_hash"]], ["health", false, story.item!["content_hash"]]);
  const seenByFixer = JSON.parse(await house.read("agents/seen.json")) as { reasons: string[]; output: string };
  assert.match(seenByFixer.reasons[0]!, /release v2 was taken back: /);
  assert.match(seenByFixer.output, /greeting as v2/);
});
