import assert from "node:assert/strict";
import { test } from "node:test";
import { hammer } from "./hammer.fixture.ts";
import { agentThatWrites, makeJourney } from "./house.fixture.ts";
import { readyService, smallCode, smallSpec } from "./small-service.fixture.ts";

test("a spec that is edited in production opens a round with the difference; the old version serves until then", async (t) => {
  const builder = agentThatWrites(smallCode({ greeting: "bonjour" }), {
    before: `await note("seen.json", ticket); await new Promise((resolve) => setTimeout(resolve, 400));`,
  });
  const house = await makeJourney(t, {
    services: { greeter: readyService("greeter") },
    rules: { built_in_builder: false },
    agents: { maker: { code: builder, capabilities: ["builder"] } },
  });
  await house.inProduction("greeter");
  const clients = hammer(t, `http://127.0.0.1:${house.ports["greeter"]}/`);
  await house.write("SERVICES/greeter/SPEC.md", smallSpec("greeter", { requirement: "It greets in French." }));
  const story = await house.inProduction("greeter", { version: "v2" });
  await house.until("clients have seen the new version", async () => (await house.ask("greeter", "/")).text().then((text) => text === "bonjour, v2")); // prettier-ignore
  const { failed, seen } = await clients.stop();
  assert.deepEqual(failed, []);
  assert.deepEqual(
    seen.filter((answer) => !["200 hello, v1", "200 bonjour, v2"].includes(answer)),
    [],
  );

  assert.equal(story.item!["round"], 2);
  const seenByBuilder = JSON.parse(await house.read("agents/seen.json")) as { kind: string; difference: string };
  assert.equal(seenByBuilder.kind, "build");
  assert.match(seenByBuilder.difference, /^-- It greets\.$/m);
  assert.match(seenByBuilder.difference, /^\+- It greets in French\.$/m);
  const rounds = await house.events(["round.opened"], { service: "greeter" });
  assert.deepEqual(rounds.map(({ body }) => [body["round"], body["why"]]), [[1, "first seen"], [2, "its spec changed"]]); // prettier-ignore
  assert.deepEqual(story.deployments.map(({ version, state }) => [version, state]), [["v1", "superseded"], ["v2", "live"]]); // prettier-ignore

  // What only says how it is judged is no new spec.
  const now = await house.read("SERVICES/greeter/SPEC.md");
  await house.write("SERVICES/greeter/SPEC.md", `---\nowner: somebody\n---\n${now}`);
  await house.waitFor("greeter", ({ item }) => item?.["owner"] === "somebody");
  assert.equal((await house.storyOf("greeter")).item!["round"], 2);
});

test("a spec that is edited during a build opens the next round, and a hand edit meanwhile is kept and reported", async (t) => {
  // It works on the first round until the spec asks for French, and then needs a moment.
  const builder = agentThatWrites(
    {},
    {
      after: `
await note("seen-" + ticket.round + ".json", ticket);
const french = (await readFile("SPEC.md", "utf8")).includes("French");
if (!french) {
  while (!(await readFile(join(workspace, "SERVICES/greeter/SPEC.md"), "utf8")).includes("French")) await new Promise((resolve) => setTimeout(resolve, 30));
  await new Promise((resolve) => setTimeout(resolve, 500));
}
const files = french ? ${JSON.stringify(smallCode({ greeting: "bonjour" }))} : ${JSON.stringify(smallCode())};
if (french) delete files[".env.example"];
for (const [path, text] of Object.entries(files)) await write(path, text);`,
    },
  );
  const house = await makeJourney(t, {
    services: { greeter: { "SPEC.md": smallSpec("greeter") } },
    rules: { built_in_builder: false },
    agents: { maker: { code: builder, capabilities: ["builder"] } },
  });
  await house.waitFor("greeter", ({ runs }) => runs.some(({ state }) => state === "running"));
  await house.write("SERVICES/greeter/.env.example", "PORT=8080\n# by hand\n");
  await house.write("SERVICES/greeter/SPEC.md", smallSpec("greeter", { requirement: "It greets in French." }));
  const story = await house.inProduction("greeter");
  assert.equal(await (await house.ask("greeter", "/")).text(), "bonjour, v1");
  assert.equal(await house.read("SERVICES/greeter/.env.example"), "PORT=8080\n# by hand\n");
  const [first] = await house.events(["run.applied"]);
  assert.match(String(first!.body["conflicts"]), /^\.env\.example: It was made during the run/);
  assert.equal(story.item!["round"], 2);
  const second = JSON.parse(await house.read("agents/seen-2.json")) as { difference: string };
  assert.match(second.difference, /^\+- It greets in French\.$/m);
  assert.equal(story.deployments.length, 1, "what was built of the old spec is not released");
});
