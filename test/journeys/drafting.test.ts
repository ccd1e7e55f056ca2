import assert from "node:assert/strict";
import { test } from "node:test";
import { agentThatWrites, makeJourney } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

/** What an owner has so far, and what they left open. */
const HALF = `# greeter

## Purpose

It must greet my aunt by name.

## Requirements

[What must it do?]
`;

/** With the owner's words in it, as an architect is told to leave them. */
const WHOLE = smallSpec("greeter").replace("## Purpose\n", "## Purpose\n\nIt must greet my aunt by name.\n");

test("where its owner turned drafting on, an architect writes the spec, keeping what the owner wrote, and it is built", async (t) => {
  const house = await makeJourney(t, {
    services: { greeter: { "SPEC.md": HALF }, idea: { "notes.txt": "something that greets" } },
    agents: {
      architect: {
        capabilities: ["architect"],
        code: agentThatWrites({}, { after: `await write("SPEC.md", ${JSON.stringify(WHOLE)});` }),
      },
      builder: { capabilities: ["builder"], code: agentThatWrites(smallCode()) },
    },
    rules: { drafting: true },
  });
  await Promise.all([house.inProduction("greeter"), house.inProduction("idea")]);
  assert.match(await house.read("SERVICES/greeter/SPEC.md"), /greet my aunt by name/);
  assert.deepEqual((await house.phases("idea")).slice(0, 2), ["NEEDS_SPEC", "READY_FOR_BUILD"]);
});

for (const [what, draft, says] of [
  [
    "sets how it is judged",
    `---\ntest: "true"\ncoverage_floor: 0\n---\n${WHOLE}`,
    /front matter of SPEC\.md is its owner's/,
  ],
  ["takes the owner's words away", smallSpec("greeter"), /takes away what its owner wrote: "It must greet my aunt/],
] as const) {
  test(`a draft that ${what} is not taken, and its writer is told why`, async (t) => {
    const house = await makeJourney(t, {
      services: { greeter: { "SPEC.md": HALF } },
      agents: {
        architect: {
          capabilities: ["architect"],
          code: agentThatWrites({}, { after: `await write("SPEC.md", ${JSON.stringify(draft)});` }),
        },
      },
      rules: { drafting: true },
    });
    const { tickets } = await house.waitFor("greeter", ({ runs }) => runs.some(({ kind, state }) => kind === "spec" && state === "ended")); // prettier-ignore
    assert.match(String(tickets.findLast(({ kind }) => kind === "spec")!["last_error"]), says);
    assert.equal(await house.read("SERVICES/greeter/SPEC.md"), HALF);
  });
}
