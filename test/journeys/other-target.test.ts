import assert from "node:assert/strict";
import { readFile, readdir } from "node:fs/promises";
import { createServer } from "node:net";
import { join } from "node:path";
import { test } from "node:test";
import { ask, makeJourney, writeInto, type Journey } from "./house.fixture.ts";
import { readyService, smallCode } from "./small-service.fixture.ts";

/** The owner's own production is a file that says which version is there. */
const place = (house: Journey) => join(house.folder, "theirs.txt");

const says = (house: Journey) => readFile(place(house), "utf8").catch(() => "nothing");

function commands(house: Journey, { meanwhile = "true" } = {}) {
  const file = place(house);
  return {
    target: "command",
    deploy: `${meanwhile}; printf %s "$VERSION" > ${file}; test -z "$PORT" || printf %s "$PORT" > ${file}.port`,
    status: `test -e ${file} && echo "VERSION=$(cat ${file})"`,
    rollback: `printf %s "$VERSION" > ${file}`,
    stop: `rm ${file}`,
  };
}

const states = async (house: Journey) =>
  (await house.storyOf("greeter")).deployments.map(({ version, target, state }) => [version, target, state].join(" "));

const retired = async (house: Journey) =>
  (await house.events(["service.retired"], { service: "greeter" })).map(({ body }) => `${String(body["version"])} ${String(body["target"])}`); // prettier-ignore

test("a service moves to another target when its owner declares it: the old one serves until then, and its port is free after", async (t) => {
  const house = await makeJourney(t);
  await house.addService("greeter", readyService("greeter"));
  await house.inProduction("greeter");
  const port = Number((await house.storyOf("greeter")).item!["port"]);
  const url = `http://127.0.0.1:${port}/health`;
  assert.equal((await ask(url)).status, 200);

  const answered = join(house.folder, "answered.txt");
  const asks = `${process.execPath} -e 'fetch("${url}").then(({ status }) => require("fs").writeFileSync("${answered}", String(status)))'`;
  await house.rewriteRules({ deploy: commands(house, { meanwhile: asks }) });
  await house.until("the old release is retired", async () => (await retired(house)).length > 0);
  assert.equal(await readFile(answered, "utf8"), "200", "it served while the new one was deployed");
  assert.equal(await says(house), "v2");
  assert.deepEqual(await states(house), ["v1 process superseded", "v2 command live"]);
  await assert.rejects(ask(url), /ECONNREFUSED/);
  assert.deepEqual(await readdir(join(house.settings.home, "production", "greeter", "running")), []);
  await new Promise<void>((resolve, reject) => {
    const free = createServer().once("error", reject);
    free.listen(port, "127.0.0.1", () => free.close(() => resolve()));
  });

  // It has no port: nobody but Steward ever said one.
  await assert.rejects(readFile(`${place(house)}.port`), { code: "ENOENT" });
  const { deployments } = await house.inProduction("greeter", { version: "v2" });
  assert.equal(deployments[1]!["port"], null);
  const readme = await house.until("its README says so", async () => {
    const text = await house.read("SERVICES/greeter/README.md").catch(() => "");
    return text.includes("PRODUCTION (healthy)") && !text.includes("on port") && text;
  });
  assert.doesNotMatch(readme, new RegExp(String(port)));
  await house.until("its record says so", async () => {
    const record = await house.read("SERVICES/greeter/PRODUCTION/deployed_config.json").catch(() => "");
    return record.includes('"command"') && !record.includes(String(port));
  });

  await house.until("the registry gives the port back that Steward had given it", async () => {
    const registry = JSON.parse(await house.read("SERVICES/SERVICE_REGISTRY.json")) as Record<
      string,
      { port?: number }
    >;
    return JSON.stringify(registry).includes("greeter") && !JSON.stringify(registry).includes(String(port));
  });

  // And back: it is stopped by the command that it was released with, on the port that it had.
  await house.rewriteRules({ deploy: { target: "process" } });
  await house.until("the owner's own is retired", async () => (await retired(house)).length > 1);
  assert.equal(await says(house), "nothing");
  await house.inProduction("greeter", { version: "v3" });
  assert.deepEqual(await states(house), ["v1 process superseded", "v2 command superseded", "v3 process live"]);
  assert.equal((await ask(url)).status, 200);
  assert.deepEqual(await retired(house), ["v1 process", "v2 command"]);
});

test("what the owner's commands put in production is looked after by what their status command prints", async (t) => {
  const house = await makeJourney(t, { rules: { deploy: "none" } });
  await house.rewriteRules({ deploy: commands(house) });
  await house.addService("greeter", readyService("greeter", { frontMatter: "port: 18777" }));
  await house.inProduction("greeter", { version: "v1" });
  assert.equal(await readFile(`${place(house)}.port`, "utf8"), "18777", "a port that the spec says is theirs to use");
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  await house.inProduction("greeter", { version: "v2" });

  // Its owner goes back past Steward.
  await writeInto(house.folder, { "theirs.txt": "v1" });
  await house.waitFor("greeter", ({ item }) => item?.["phase"] === "TESTS_FAILING");
  assert.deepEqual(await states(house), ["v1 command live", "v2 command rolled_back"]);
  const [corrected] = await house.events(["service.record_corrected"]);
  assert.match(String(corrected!.body["reason"]), /v2 was taken back, and that was not recorded: you took it back/);

  // A version of somebody else's is theirs.
  await writeInto(house.folder, { "theirs.txt": "build-77" });
  await house.running().supervisor.round();
  assert.deepEqual(await states(house), ["v1 command live", "v2 command rolled_back"]);
});

test("`steward rollback` tells the owner's command which version to go back to, and a sick one is taken back without a restart", async (t) => {
  const house = await makeJourney(t, { rules: { deploy: "none" } });
  await house.rewriteRules({ deploy: commands(house) });
  await house.addService("greeter", readyService("greeter"));
  await house.inProduction("greeter", { version: "v1" });
  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "bonjour" }));
  await house.inProduction("greeter", { version: "v2" });
  await assert.rejects(house.commands().rollback("greeter", "v2"), /greeter v2 is what serves/);
  const back = await house.commands().rollback("greeter");
  assert.deepEqual([back.ok, back.version, await says(house)], [true, "v1", "v1"]);
  assert.deepEqual(await states(house), ["v1 command live", "v2 command rolled_back"]);

  await writeInto(house.path("SERVICES/greeter"), smallCode({ greeting: "ciao" }));
  await house.inProduction("greeter", { version: "v3" });
  await house.rewriteRules({ deploy: { ...commands(house), status: `! grep -q v3 ${place(house)}` } });
  await house.until("it is taken back", async () => (await states(house)).includes("v3 command rolled_back"));
  assert.equal(await says(house), "v1");
  assert.deepEqual(await house.events(["service.restarted"]), [], "what Steward cannot restart, it does not claim to");
});
