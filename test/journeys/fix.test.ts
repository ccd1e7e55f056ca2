import assert from "node:assert/strict";
import { test } from "node:test";
import { agentThatWrites, makeJourney, pause } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

const WRONG = { "src/greeting.js": "export function greeting(who) {\n  return `good riddance, ${who}`;\n}\n" };
const RIGHT = { "src/greeting.js": smallCode()["src/greeting.js"]! };

test("a red build goes to a fixer with what failed, and its mended code to production", async (t) => {
  const house = await makeJourney(t, {
    services: { greeter: { "SPEC.md": smallSpec("greeter") } },
    rules: { built_in_builder: false },
    agents: {
      maker: { code: agentThatWrites({ ...smallCode(), ...WRONG }), capabilities: ["builder"] },
      mender: { code: agentThatWrites(RIGHT, { before: `await note("seen.json", ticket);` }), capabilities: ["fixer"] },
    },
  });
  const { tickets, runs, verdicts } = await house.inProduction("greeter");
  assert.deepEqual(tickets.map(({ kind, state }) => [kind, state]), [["build", "done"], ["prove", "done"], ["fix", "done"], ["prove", "done"], ["deploy", "done"]]); // prettier-ignore
  assert.deepEqual(verdicts.filter(({ gate }) => gate === "tests").map(({ ok }) => ok), [false, true]); // prettier-ignore
  const record = runs.filter(({ kind }) => kind === "build" || kind === "fix").map(({ agent, verified }) => [agent, verified]); // prettier-ignore
  assert.deepEqual(record, [["maker", false], ["mender", true]]); // prettier-ignore

  const seen = JSON.parse(await house.read("agents/seen.json")) as { kind: string; reasons: string[]; output: string };
  assert.equal(seen.kind, "fix");
  assert.match(seen.reasons[0]!, /2\/3 tests pass; 1 failing: "greets"/);
  assert.match(seen.output, /good riddance, by hand/);

  const judged = await house.events(["run.verified"], { service: "greeter" });
  assert.deepEqual(judged.map(({ body }) => [body["agent"], body["ok"]]), [["maker", false], ["mender", true]]); // prettier-ignore
  assert.equal((await house.events(["service.deployed"])).length, 1, "what is red is never released");
  assert.equal(await (await house.ask("greeter", "/")).text(), "hello, v1");
});

test("a fixer that never helps is stopped after five tries, the owner is asked, and a new try begins anew", async (t) => {
  const useless = agentThatWrites(
    {},
    { after: `await write("src/note.js", "// " + process.hrtime.bigint() + "\\n");` },
  );
  const house = await makeJourney(t, {
    services: { greeter: { "SPEC.md": smallSpec("greeter"), ...smallCode(), ...WRONG } },
    rules: { coverage_floor: 0 },
    agents: { useless: { code: useless, capabilities: ["fixer"] } },
  });
  const asked = await house.waitFor("greeter", ({ item }) => /5 fixes did not/.test(String(item?.["reasons"])));
  const kinds = asked.tickets.map(({ kind }) => kind);
  assert.equal(kinds.filter((kind) => kind === "fix").length, 5);
  assert.ok(asked.tickets.every(({ state }) => state === "done"));
  assert.match(
    String((asked.item!["reasons"] as string[])[0]),
    /Change it yourself, or `steward run greeter` tries again/,
  );
  const decided = await house.events(["item.decided"], { service: "greeter" });
  assert.deepEqual([decided.at(-1)!.body["does"], decided.at(-1)!.rule], ["ask", "service.fix_limit"]);
  await house.until("the README says that it needs its owner", async () =>
    /TESTS_FAILING.* – needs you: 5 fixes did not/.test(await house.read("SERVICES/greeter/README.md")),
  );

  // Nothing loops, whoever looks.
  await house.running().keeper.look();
  await pause(2_300);
  assert.equal((await house.storyOf("greeter")).tickets.length, asked.tickets.length);

  await house.write("agents/useless.mjs", agentThatWrites(RIGHT));
  await house.runAgain("greeter");
  const { tickets } = await house.inProduction("greeter");
  assert.equal(tickets.filter(({ kind }) => kind === "fix").length, 6);
  assert.equal((await house.events(["item.tried_again"])).length, 1);
  assert.ok((await house.events(["ticket.failed", "approval.asked"])).length === 0);
});
