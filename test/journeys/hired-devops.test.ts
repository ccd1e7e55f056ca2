import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { endEverything } from "#house/end-everything.ts";
import { REPAIR_LIMIT } from "#lines/service/decide.ts";
import { silentLog } from "#system/log.ts";
import { agentThatWrites, isHealthy, makeJourney, pause, writeInto, type Journey } from "./house.fixture.ts";
import { readyService, smallCode, smallSpec } from "./small-service.fixture.ts";

/**
 * An agent that really deploys: it copies what it was given, ends what it started before, starts the server in a session
 * of its own, and says where it answers. What it started outlives it, and is listed for the test to end.
 */
const shipping = (first = ""): string =>
  agentThatWrites(
    {},
    {
      before: `
${first}
import { spawn } from "node:child_process";
import { cp } from "node:fs/promises";
const { mark, port, serving, back } = ticket.deploy;
await note("seen-" + ticket.service + ".json", ticket);
const place = join(import.meta.dirname, "deployed", ticket.service);
const shelf = join(place, back ? back.agentVersion : mark);
if (!back) await cp(".", shelf, { recursive: true });
const running = await readFile(join(place, "pid"), "utf8").catch(() => "");
if (running) try { process.kill(Number(running), "SIGKILL"); } catch {}
const child = spawn(process.execPath, ["src/main.js"], {
  cwd: shelf, detached: true, stdio: "ignore",
  env: { PATH: process.env.PATH, PORT: String(port), HOST: "127.0.0.1", SERVICE_VERSION: back ? back.agentVersion : mark },
});
child.unref();
await writeFile(join(place, "pid"), String(child.pid));
await writeFile(join(import.meta.dirname, "started"), child.pid + "\\n", { flag: "a" });
await write("README.md", "# Deployed by hand\\n");
await write("notes.txt", "left behind");
await write("PRODUCTION/deployed_config.json", JSON.stringify({ port, version: shelf.split("/").at(-1), stop: "kill " + child.pid }));
`,
    },
  );

const ship = { code: shipping(), capabilities: ["devops"] };

async function withShip(t: TestContext, options: Parameters<typeof makeJourney>[1] = {}): Promise<Journey> {
  const house = await makeJourney(t, {
    ...options,
    agents: { ship, ...options.agents },
    rules: { built_in_builder: false, deploy: "none", ...options.rules },
  });
  house.undoFirst(async () => {
    // Before what it started: else the house would have it brought back.
    while (house.houses.length > 0) await house.down();
    await endEverything(house.settings, { services: false, log: silentLog });
    const started = await house.read("agents/started").catch(() => "");
    for (const pid of started.split("\n").filter(Boolean)) end(Number(pid));
  });
  return house;
}

function end(pid: number): void {
  try {
    process.kill(pid, "SIGKILL");
  } catch {
    // It ended by itself.
  }
}

const serverOf = async (house: Journey, service: string): Promise<number> =>
  Number(await house.read(`agents/deployed/${service}/pid`));

const versionsOf = ({ deployments }: Awaited<ReturnType<Journey["storyOf"]>>) =>
  deployments.map(({ version, state, target }) => [version, state, target]);

test("hired agents build and deploy a service, Steward proves both, and has it brought back when it falls", async (t) => {
  const build = { code: agentThatWrites(smallCode()), capabilities: ["builder"] };
  const house = await withShip(t, { services: { greeter: { "SPEC.md": smallSpec("greeter") } }, agents: { build } });
  const port = house.ports["greeter"];
  const { item, runs, deployments, verdicts, tickets } = await house.inProduction("greeter");

  assert.deepEqual(runs.map(({ agent, outcome, verified }) => [agent, outcome, verified]), [["build", "done", true], ["prover", "done", null], ["ship", "done", true]]); // prettier-ignore
  assert.deepEqual(tickets.map(({ kind, capability }) => [kind, capability]), [["build", "builder"], ["prove", "prover"], ["deploy", "devops"]]); // prettier-ignore
  const [live] = deployments;
  assert.deepEqual([live!["version"], live!["state"], live!["target"], live!["port"]], ["v1", "live", "agent", port]);
  assert.equal(live!["content_hash"], item!["content_hash"]);
  const health = verdicts.at(-1)!;
  assert.deepEqual([health["gate"], health["ok"], health["content_hash"]], ["health", true, item!["content_hash"]]);
  const told = await house.events(["effect.started", "effect.done", "service.deployed"]);
  assert.deepEqual(told.map(({ type, actor }) => [type, actor]), [["effect.started", "agent:ship"], ["effect.done", "agent:ship"], ["service.deployed", "steward"]]); // prettier-ignore
  assert.match(String(told[0]!.rule), /standing: its owner hired the agent for devops/);

  const config = await house.until("the record is written", async () => {
    const text = await house.read("SERVICES/greeter/PRODUCTION/deployed_config.json").catch(() => "");
    return text === "" ? null : (JSON.parse(text) as Record<string, unknown>);
  });
  const { deployed_at: _at, ...record } = config;
  assert.deepEqual(record, {
    service: "greeter", version: "v1", target: "agent", status: "production", port, url: `http://127.0.0.1:${port}`, content_hash: item!["content_hash"],
  }); // prettier-ignore
  await house.until("the README says it", async () =>
    (await house.read("SERVICES/greeter/README.md")).includes(`✅ PRODUCTION (healthy) on port ${port}`),
  );
  assert.doesNotMatch(
    await house.read("SERVICES/greeter/README.md"),
    /Deployed by hand/,
    "nothing of it is taken over",
  );
  await assert.rejects(house.read("SERVICES/greeter/notes.txt"), { code: "ENOENT" });
  await house.until("the log tells it", async () =>
    /deployed v1 \(agent\) on port \d+\n$/.test(
      await house.read("SERVICES/greeter/PRODUCTION/deployment_log.md").catch(() => ""),
    ),
  );

  // It falls: Steward does not run it, so it has it brought back, by the same proof.
  end(await serverOf(house, "greeter"));
  const repaired = await house.inProduction("greeter", { version: "v2" });
  assert.deepEqual(versionsOf(repaired), [["v1", "superseded", "agent"], ["v2", "live", "agent"]]); // prettier-ignore
  assert.equal(repaired.tickets.at(-1)!["title"], "REPAIR ASSIGNED: greeter");
  assert.match(String((repaired.tickets.at(-1)!["body"] as { reasons: string[] }).reasons[0]), /nothing listens there/);
  assert.ok(repaired.incidents.length === 1 && repaired.incidents[0]!["closed_at"] !== null);
  const types = (await house.events()).map(({ type }) => type);
  assert.ok(types.includes("service.repair_asked"));
  for (const never of ["service.restarted", "service.rolled_back"]) assert.ok(!types.includes(never), never);

  // Other content is tested and deployed anew; until it is proved, what serves is what served.
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  const next = await house.inProduction("greeter", { version: "v3" });
  assert.match(await (await house.ask("greeter", "/")).text(), /^bonjour, [0-9a-f]{12}$/);
  assert.equal(next.deployments.at(-1)!["content_hash"], next.item!["content_hash"]);
  const seen = JSON.parse(await house.read("agents/seen-greeter.json")) as { deploy: { serving: object } };
  assert.deepEqual(Object.entries(seen.deploy.serving).slice(0, 2), [["version", "v2"], ["url", `http://127.0.0.1:${port}`]]); // prettier-ignore
});

test("what an agent only says it deployed does not get past the gate, each claim with its reason", async (t) => {
  const claims = {
    nowhere: `{ "port": PORT }`,
    abroad: `{ "url": "https://quotes.example.com" }`,
    metadata: `{ "url": "http://169.254.169.254/latest" }`,
    elsewhere: `{ "port": 1 }`,
    silent: ``,
    altered: `{ "port": PORT }`,
  };
  const code = agentThatWrites(
    {},
    {
      before: `const claim = ${JSON.stringify(claims)}[ticket.service].replace("PORT", ticket.deploy.port);
if (ticket.service === "altered") await write("src/greeting.js", "// something else");
const forged = join(workspace, "SERVICES", ticket.service, "PRODUCTION/deployed_config.json");
await write(forged, JSON.stringify({ status: "production", port: ticket.deploy.port }));
if (claim) await write("PRODUCTION/deployed_config.json", claim);
await writeFile(process.env.STEWARD_REPORT_FILE, JSON.stringify({ outcome: "done", reasons: ["it is live"] }));`,
    },
  );
  const names = Object.keys(claims);
  const house = await makeJourney(t, {
    services: Object.fromEntries(names.map((name) => [name, readyService(name)])),
    agents: { boast: { code, capabilities: ["devops"], slots: 6 } },
    rules: { built_in_builder: false, deploy: "none", proofs_at_once: 3 },
  });
  const says: Record<keyof typeof claims, RegExp> = {
    nowhere: /says that nowhere answers at http:\/\/127\.0\.0\.1:\d+, and it does not: .*nothing listens/,
    abroad: /quotes\.example\.com\/? is not asked: it is none of these.*`deploy_hosts:` in steward\.yaml/,
    metadata: /169\.254\.169\.254\/latest is not asked/,
    elsewhere: /answers at http:\/\/127\.0\.0\.1:1, and its settings say port \d+/,
    silent: /left no PRODUCTION\/deployed_config\.json/,
    altered: /changed what it was to deploy \(src\/greeting\.js\)/,
  };
  for (const [name, reason] of Object.entries(says)) {
    const story = await house.waitFor(name, ({ runs }) => runs.some(({ kind, state }) => kind === "deploy" && state === "ended")); // prettier-ignore
    assert.match(String(story.tickets.at(-1)!["last_error"]), reason, name);
    assert.deepEqual([story.deployments, story.item!["stage"] === "PRODUCTION"], [[], false], name);
    assert.equal(story.runs.find(({ kind }) => kind === "deploy")!["verified"], false);
  }
  assert.deepEqual(await house.events(["service.deployed"]), []);
  const again = await house.waitFor("silent", ({ runs }) => runs.filter(({ kind, state }) => kind === "deploy" && state === "ended").length >= 2); // prettier-ignore
  assert.ok(Number(again.tickets.at(-1)!["attempt"]) >= 2, "it is tried again");
});

test("what serves goes on counting: an old process is not the new version, and one that is not well is red", async (t) => {
  const lazy = `if ((await readFile("src/greeting.js", "utf8")).includes("bonjour")) {
  await write("PRODUCTION/deployed_config.json", JSON.stringify({ port: ticket.deploy.port }));
  process.exit(0);
}`;
  const house = await withShip(t, {
    services: { greeter: readyService("greeter") },
    agents: { ship: { ...ship, code: shipping(lazy) } },
  });
  await house.inProduction("greeter");
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  const same = await house.waitFor("greeter", (story) => story.tickets.at(-1)?.["last_error"] != null);
  assert.match(
    String(same.tickets.at(-1)!["last_error"]),
    /is still answered by the process that served v1 .*nothing shows the new version/,
  );
  assert.deepEqual(same.deployments.map(({ version, state }) => [version, state]), [["v1", "live"]]); // prettier-ignore

  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "hola", sickness: "never healthy" }));
  const { deployments, tickets, verdicts } = await house.waitFor("greeter", (story) => story.tickets.at(-1)?.["kind"] === "fix"); // prettier-ignore
  assert.deepEqual(deployments.map(({ version, state }) => [version, state]), [["v1", "live"], ["v2", "failed"]]); // prettier-ignore
  assert.match(String(verdicts.at(-1)!["reasons"]), /v2 was deployed and is not well: .*answered 503/);
  assert.equal(tickets.at(-1)!["capability"], "fixer");
});

test("its owner's words reach it through its agent: rollback is a ticket, stop is refused while it answers", async (t) => {
  const house = await withShip(t, { services: { greeter: readyService("greeter") } });
  await house.inProduction("greeter");
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  await house.inProduction("greeter", { version: "v2" });

  const asked = await house.commands().rollback("greeter");
  assert.match(asked.message, /was asked for/);
  const back = await house.waitFor("greeter", ({ deployments }) => deployments[0]?.["state"] === "live");
  assert.deepEqual(versionsOf(back), [["v1", "live", "agent"], ["v2", "rolled_back", "agent"]]); // prettier-ignore
  assert.match(await (await house.ask("greeter", "/")).text(), /^hello, /);
  const waits = await house.waitFor("greeter", ({ item }) => item?.["phase"] === "TESTS_FAILING");
  assert.match(String(waits.item!["reasons"]), /you took it back/);

  await assert.rejects(
    house.commands().stopProduction("greeter"),
    /was deployed by ship, a hired agent: Steward does not run it and cannot end it\. It answers at .*\(ship said: kill \d+\)/,
  );
  end(await serverOf(house, "greeter"));
  await house.commands().stopProduction("greeter");
  const stopped = await house.storyOf("greeter");
  assert.deepEqual([stopped.deployments[0]!["state"], stopped.item!["health"]], ["stopped", "stopped"]);
  await pause(1_000);
  const later = await house.storyOf("greeter");
  assert.deepEqual(later.tickets.length, stopped.tickets.length, "nobody brings back what its owner ended");
});

test("what falls again and again is put before its owner", async (t) => {
  const house = await withShip(t, { services: { greeter: readyService("greeter") } });
  for (let fall = 1; fall <= REPAIR_LIMIT; fall += 1) {
    await house.inProduction("greeter", { version: `v${fall}` });
    end(await serverOf(house, "greeter"));
  }
  await house.inProduction("greeter", { version: `v${REPAIR_LIMIT + 1}` });
  end(await serverOf(house, "greeter"));
  const { item } = await house.waitFor("greeter", (story) =>
    /brought back 3 times/.test(String(story.item?.["reasons"])),
  );
  assert.equal(item!["phase"], "UNHEALTHY");
  await house.runAgain("greeter");
  const well = await house.waitFor("greeter", (story) => isHealthy(story, `v${REPAIR_LIMIT + 2}`));
  assert.equal(well.item!["phase"], "PRODUCTION");
});

test("a release of Steward's own gives way to a hired agent's: where it holds the port, on its owner's word", async (t) => {
  const house = await withShip(t, {
    services: { greeter: readyService("greeter") },
    rules: { deploy: { target: "process" } },
  });
  await house.inProduction("greeter");
  await house.rewriteRules({ deploy: "none" });
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  const held = await house.waitFor("greeter", ({ runs }) => runs.at(-1)?.["agent"] === "ship" && runs.at(-1)?.["state"] === "ended"); // prettier-ignore
  assert.match(
    String(held.tickets.at(-1)!["last_error"]),
    /is held by Steward's own release v1: `steward stop greeter --production` frees it/,
  );
  assert.equal(await (await house.ask("greeter", "/")).text(), "hello, v1");

  await house.commands().stopProduction("greeter");
  await house.until("nobody is at work on it", async () => (await house.storyOf("greeter")).tickets.every(({ state }) => state !== "claimed")); // prettier-ignore
  await house.commands().deployNow("greeter");
  const story = await house.inProduction("greeter", { version: "v2" });
  assert.deepEqual(versionsOf(story), [["v1", "superseded", "process"], ["v2", "live", "agent"]]); // prettier-ignore
  const ended = await endEverything(house.settings, { services: true, log: silentLog });
  assert.deepEqual([ended.left, ended.services, ended.failed], [["greeter"], [], []], "it is not Steward's to end");
  assert.equal((await house.ask("greeter")).status, 200);
});
