import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { sql } from "kysely";
import { failpoints, type Failpoint } from "#system/failpoint.ts";
import { makeFaultHouse, notesSpec, smallSpec, until, type FaultHouse } from "./house.fixture.ts";
import { acknowledged, assertSound, inProduction } from "./sound.fixture.ts";

/** Reached by built-in builders only. */
const builtInOnly: Failpoint[] = ["scaffold.written"];

/** Those that a built-in builder passes in its own way. */
const ofTakingOver: Failpoint[] = ["run.collected", "run.kept", "run.applied", "run.reported"];

/** Those that only an owner's word, or a release that got sick, leads to: what dies there leaves its record behind. */
const beyondDeploys: Failpoint[] = ["rollback.made", "stop.made"];

/** One service's life, in which Steward is killed at each of these, one after another, as they come. */
type Life = { scaffold: boolean; points: Failpoint[] };

// All in one life would lose a ticket so often that it waits longer and longer; three hold it to a few each.
const hired = failpoints.filter((name) => ![...builtInOnly, ...beyondDeploys].includes(name));
const lives: Life[] = [
  { scaffold: true, points: [...builtInOnly, ...ofTakingOver] },
  ...[0, 1, 2].map((n) => ({ scaffold: false, points: inOrder(hired.filter((_, index) => index % 3 === n)) })),
];

describe("killed at a step boundary and started again", { concurrency: 2 }, () => {
  test("every failpoint has its turn", () => {
    assert.deepEqual(new Set([...beyondDeploys, ...lives.flatMap(({ points }) => points)]), new Set(failpoints));
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

  test("what is taken back, or stopped, while Steward is killed before it is recorded, is recorded by the next one", async (t) => {
    const house = await makeFaultHouse(t);
    await house.specify("small", smallSpec(1));
    let child = house.up();
    await inProduction(house, { revisions: { small: 1 } });
    await house.specify("small", smallSpec(2));
    await inProduction(house, { revisions: { small: 2 } });
    await child.kill();

    child = house.up({ failpoint: "rollback.made" });
    await child.ready;
    const rollback = house.command({}, "rollback", "small");
    assert.equal(await child.ended, "SIGKILL");
    assert.notEqual(await rollback, "code 0", "whoever asked hears that it is not known how it ended");
    const seen = await acknowledged(house);
    assert.deepEqual(await deployments(house), ["v1 superseded", "v2 live"]);
    child = house.up();
    await until("it is recorded", () => deployments(house), {
      holds: (now) => String(now) === "v1 live,v2 rolled_back",
    });
    await until("it waits for its owner", () => phaseOf(house), { holds: (phase) => phase === "TESTS_FAILING" });
    assert.deepEqual(await corrections(house), ["v2 → v1"]);
    await assertSound(house, { seen });
    await child.kill();

    // Without a server the command itself stops it.
    assert.equal(await house.command({ failpoint: "stop.made" }, "stop", "small", "--production"), "SIGKILL");
    assert.deepEqual(await deployments(house), ["v1 live", "v2 rolled_back"]);
    house.up();
    await until("it is recorded", () => deployments(house), { holds: (now) => String(now) === "v1 stopped,v2 rolled_back" }); // prettier-ignore
    assert.deepEqual(await corrections(house), ["v2 → v1", "v1 → null"]);
    await assert.rejects(fetch(`http://127.0.0.1:${house.ports.get("small")}/health`), "it stays down");
  });
});

async function deployments({ read }: FaultHouse): Promise<string[]> {
  const { rows } = await read((tx) =>
    sql<{ said: string }>`select version || ' ' || state as said from deployment order by started_at`.execute(tx),
  );
  return rows.map(({ said }) => said);
}

async function corrections({ read }: FaultHouse): Promise<string[]> {
  const { rows } = await read((tx) =>
    sql<{ said: string }>`
      select concat(body->>'from', ' → ', coalesce(body->>'to', 'null')) as said from event where type = 'service.record_corrected' order by id`.execute(
      tx,
    ),
  );
  return rows.map(({ said }) => said);
}

async function phaseOf({ read }: FaultHouse): Promise<string | undefined> {
  const { rows } = await read((tx) => sql<{ phase: string }>`select phase from item`.execute(tx));
  return rows[0]?.phase;
}

/**
 * Files are written beside the work that was asked for: at the first of these writes the agent may be at work already, and
 * would not be started a second time. There is one more after everything.
 */
function inOrder(points: Failpoint[]): Failpoint[] {
  const late: Failpoint = "status.written";
  return points.toSorted((one, other) => Number(one === late) - Number(other === late));
}

async function after(milliseconds: number, problem: string): Promise<string> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds, problem).unref());
}
