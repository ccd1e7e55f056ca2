import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { failpoints, type Failpoint } from "#system/failpoint.ts";
import { makeFaultHouse, notesSpec, smallSpec } from "./house.fixture.ts";
import { acknowledged, assertSound, inProduction } from "./sound.fixture.ts";

/** Reached by built-in builders only. */
const builtInOnly: Failpoint[] = ["scaffold.written"];

/** Those that a built-in builder passes in its own way. */
const ofTakingOver: Failpoint[] = ["run.collected", "run.kept", "run.applied", "run.reported"];

/** One service's life, in which Steward is killed at each of these, one after another, as they come. */
type Life = { scaffold: boolean; points: Failpoint[] };

// All in one life would lose a ticket so often that it waits longer and longer; three hold it to a few each.
const hired = failpoints.filter((name) => !builtInOnly.includes(name));
const lives: Life[] = [
  { scaffold: true, points: [...builtInOnly, ...ofTakingOver] },
  ...[0, 1, 2].map((n) => ({ scaffold: false, points: hired.filter((_, index) => index % 3 === n) })),
];

describe("killed at a step boundary and started again", { concurrency: 2 }, () => {
  test("every failpoint has its turn", () => {
    assert.deepEqual(new Set(lives.flatMap(({ points }) => points)), new Set(failpoints));
  });

  for (const { scaffold, points } of lives) {
    const builder = scaffold ? "the built-in builder" : "a hired agent";
    test(`a service of ${builder} ends in production, each step once: ${points.join(", ")}`, async (t) => {
      const house = await makeFaultHouse(t, { builders: scaffold ? "scaffold" : "hired" });
      if (scaffold) await house.specify("notes", notesSpec);
      else await house.specify("small", smallSpec(1));
      let seen: string[] = [];
      for (const failpoint of points) {
        const child = house.up({ failpoint });
        const ended = await Promise.race([child.ended, after(60_000, `is never at ${failpoint}:\n${child.said()}`)]);
        assert.equal(ended, "SIGKILL", `it did not die at ${failpoint}, it ended with ${ended}:\n${child.said()}`);
        seen = await acknowledged(house);
      }
      const last = house.up();
      await last.ready;
      await inProduction(house, scaffold ? {} : { revisions: { small: 1 } }).catch((error: unknown) => {
        throw new Error(`${String(error)}\n${last.said()}`);
      });
      await assertSound(house, { seen });
    });
  }
});

async function after(milliseconds: number, problem: string): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, problem).unref());
}
