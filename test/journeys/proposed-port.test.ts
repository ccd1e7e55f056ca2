import assert from "node:assert/strict";
import { test } from "node:test";
import { agentThatWrites, freePort, makeJourney } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

test("a port that an agent writes into the spec opens nowhere before its owner agreed to it", async (t) => {
  const port = await freePort();
  const takesAPort = `const spec = join(workspace, "SERVICES/greeter/SPEC.md");
await write(spec, "---\\nport: ${port}\\n---\\n" + await readFile(spec, "utf8"));`;
  const house = await makeJourney(t, {
    services: {},
    rules: { built_in_builder: false },
    agents: { sly: { code: agentThatWrites(smallCode(), { before: takesAPort }), capabilities: ["builder"] } },
  });
  await house.addService("greeter", { "SPEC.md": smallSpec("greeter") });
  const { item, approvals, deployments } = await house.inProduction("greeter", { withinMs: 40_000 });
  assert.match(String(approvals[0]!["question"]), new RegExp(`port: "not set" → ${port}`));
  assert.equal(approvals[0]!["state"], "open");
  assert.notEqual(item!["port"], port);
  assert.deepEqual([deployments.length, deployments[0]!["port"]], [1, item!["port"]]);
  await house.until("the registry has the port that it serves on", async () =>
    (await house.read("SERVICES/SERVICE_REGISTRY.json").catch(() => "")).includes(String(item!["port"])),
  );
  assert.ok(!(await house.read("SERVICES/SERVICE_REGISTRY.json")).includes(String(port)));
});
