import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { readFront } from "#deploy/front/point-front.ts";
import { serviceFolder } from "#deploy/service-folder.ts";
import { readRunning } from "#deploy/start-release.ts";
import { serviceOverviews } from "#lines/service/service-overview.ts";
import { endGroup } from "#system/processes.ts";
import { agentThatWrites, makeJourney, type Journey } from "./house.fixture.ts";
import { readyService, smallCode } from "./small-service.fixture.ts";

test("a service that crashes again and again is restarted within its budget, then mended and released anew", async (t) => {
  const mended = smallCode({ greeting: "mended" });
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter") },
    agents: {
      mender: {
        code: agentThatWrites(mended, { before: `await note("seen.json", ticket);` }),
        capabilities: ["fixer"],
      },
    },
  });
  await house.inProduction("greeter");
  let crashes = 0;
  for (; crashes < 3; crashes++) {
    await house.ask("greeter", "/crash").catch(() => {});
    const restarts = crashes + 1;
    await house.until(`restart ${restarts}, or the end of the budget`, async () => {
      const told = await house.events(["service.restarted", "service.repair_asked"]);
      return told.length >= restarts;
    }); // prettier-ignore
  }
  const story = await house.inProduction("greeter", { version: "v2" });
  assert.equal(await (await house.ask("greeter", "/")).text(), "mended, v2");

  const told = await house.events(["service.restarted", "service.rolled_back", "service.repair_asked"]);
  assert.deepEqual(told.map(({ type }) => type), ["service.restarted", "service.restarted", "service.repair_asked"]); // prettier-ignore
  assert.match(String(told[0]!.body["reason"]), /v1 is down: Its process \(v1\) is gone; restart 1 of 2/);
  assert.match(String(told[2]!.body["reason"]), /2 restarts in .* did not help; there is no earlier good release/);
  assert.ok(told[1]!.at.getTime() - told[0]!.at.getTime() >= 100, "the second one waits for its back-off");

  const kinds = story.tickets.map(({ kind }) => kind);
  assert.deepEqual(kinds, ["prove", "deploy", "fix", "prove", "deploy"]);
  const seen = JSON.parse(await house.read("agents/seen.json")) as { title: string; reasons: string[]; output: string };
  assert.match(seen.title, /REPAIR/);
  assert.match(seen.output, /greeting as v1/);

  // Every outage is an incident that is over; what was done about it stands in it.
  assert.ok(story.incidents.length > 0 && story.incidents.every(({ closed_at: at }) => at !== null));
  const steps = story.incidents.flatMap(({ steps: done }) => (done as { did: string }[]).map(({ did }) => did));
  assert.deepEqual(steps, ["restart", "restart", "repair"]);
  const incidents = await house.events(["incident.opened", "incident.closed"]);
  assert.equal(incidents.filter(({ type }) => type === "incident.opened").length, story.incidents.length);
  assert.equal(incidents.filter(({ type }) => type === "incident.closed").length, story.incidents.length);
  assert.ok((await house.events(["service.health_changed"])).length >= 1);
  const counted = await house.until("its uptime counts both", async () => {
    const [overview] = await house.query((tx) => serviceOverviews(tx, new Date(), { name: "greeter" }));
    return (overview?.uptimePercent ?? 0) > 0 && overview;
  });
  assert.ok(counted.uptimePercent! < 100, `${counted.uptimePercent} %`);
  const refused = await house.events(["effect.refused", "effect.failed"]);
  assert.deepEqual(refused, []);
});

test("after a reboot a service is back with its environment and secrets, which lie nowhere in clear", async (t) => {
  const secret = "no-ttobetold-7319";
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter") },
    service: { greeter: { environment: { COLOUR: "green" } } },
    environment: { OWNERS_TOKEN: "not for services" },
  });
  await house.inProduction("greeter");
  await house.commands().setSecret("greeter", "API_KEY", secret);
  assert.deepEqual(await house.commands().secretNames("greeter"), ["API_KEY"]);

  await house.down();
  await endAll(house, "greeter");
  await assert.rejects(house.ask("greeter"), "nothing answers");
  await house.up();
  const [told] = await house.until("it is brought back", async () => {
    const back = await house.events(["service.brought_back"]);
    return back.length > 0 && back;
  });
  assert.match(String(told!.body["reason"]), /is gone: brought back$/);
  const environment = (await (await house.ask("greeter", "/environment")).json()) as Record<string, string>;
  assert.deepEqual([environment["API_KEY"], environment["COLOUR"]], [secret, "green"]);
  for (const name of ["OWNERS_TOKEN", "DATABASE_URL", "STEWARD_HOME"]) assert.equal(environment[name], undefined, name);

  const { deployments, item } = await house.inProduction("greeter");
  assert.deepEqual(
    deployments.map(({ version, state }) => [version, state]),
    [["v1", "live"]],
  );
  assert.equal(item!["phase"], "PRODUCTION");
  assert.deepEqual(await house.events(["service.restarted", "service.rolled_back"]), [], "it costs no restart");
  assert.deepEqual(await filesWith(house.folder, secret), []);
  const leaked = await house.query((tx) =>
    sql`select 1 from event where body::text like ${`%${secret}%`} union all select 1 from secret where sealed like ${`%${secret}%`}`.execute(tx),
  ); // prettier-ignore
  assert.equal(leaked.rows.length, 0);

  // Stopped on the owner's word it stays down, also over a restart of Steward.
  await house.commands().stopProduction("greeter");
  await house.down();
  await house.up();
  await house.running().supervisor.round();
  await assert.rejects(house.ask("greeter"));
  const stopped = await house.storyOf("greeter");
  assert.deepEqual([stopped.item!["health"], stopped.deployments[0]!["state"]], ["stopped", "stopped"]);
});

/** As a power cut does it: the release, and the front that keeps its port. */
async function endAll(house: Journey, service: string): Promise<void> {
  const folder = serviceFolder(join(house.settings.home, "production"), service);
  const front = await readFront(folder.front);
  await endGroup(front!.pid);
  for (const { pid } of await readRunning(folder)) await endGroup(pid);
}

async function filesWith(folder: string, text: string): Promise<string[]> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const found: string[] = [];
  for (const entry of entries.filter((one) => one.isFile())) {
    const path = join(entry.parentPath, entry.name);
    if ((await readFile(path)).includes(text)) found.push(path);
  }
  return found;
}
