import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { hasErrorCode } from "#system/failure.ts";
import { makeFaultHouse, notesSpec, smallSpec, until, type Child, type FaultHouse } from "./house.fixture.ts";
import { acknowledged, assertSound, inProduction } from "./sound.fixture.ts";
import { victims } from "./victims.fixture.ts";

const KILLS = Number(process.env["STEWARD_CAMPAIGN_KILLS"] ?? 200);
const SEED = Number(process.env["STEWARD_CAMPAIGN_SEED"] ?? randomInt(2 ** 31));

/** Between two kills, at most: long enough for a build, a proof or a deploy, so that every moment of them has its turn. */
const MOST_MS = 2_500;

const SERVICES = ["anna", "bert", "cora"];

test(`${KILLS} kills at random moments: every service ends in production, and nothing happened twice (seed ${SEED})`, async (t) => {
  const random = seeded(SEED);
  const house = await makeFaultHouse(t, { embedded: true, builders: "both" });
  const stewards = new Map<"server" | "worker", Child>([["server", house.up()]]);
  await stewards.get("server")!.ready;
  stewards.set("worker", house.worker());
  const revisions: Record<string, number> = {};
  const specify = async (service: string) => {
    revisions[service] = (revisions[service] ?? 0) + 1;
    const more = `Takes ${Math.floor(random() * 1_000)} ms. ${random() < 0.3 ? "Leaves a child." : ""}`;
    await house.specify(service, smallSpec(revisions[service], more));
  };
  await house.specify("notes", notesSpec);
  for (const service of SERVICES) await specify(service);

  const kinds = ["server", "worker", ...Object.keys(victims)] as ("server" | "worker" | keyof typeof victims)[];
  const tally: Record<string, number> = {};
  const seen = new Set<string>();
  for (let kills = 0; kills < KILLS;) {
    await pause(random() * MOST_MS);
    const kind = kinds[Math.floor(random() * kinds.length)]!;
    for (const id of await acknowledged(house).catch(() => [])) seen.add(id);
    // Agents are quick: one is given work to be killed at.
    if (kind === "agent" || kind === "runner") {
      await specify(SERVICES[Math.floor(random() * SERVICES.length)]!);
      await until("an agent at work", () => victims[kind](house), {
        holds: (found) => found.length > 0,
        withinMs: 4_000,
        everyMs: 5,
      }).catch(() => {});
    }
    if (!(await kill(house, stewards, kind, random))) continue;
    kills += 1;
    tally[kind] = (tally[kind] ?? 0) + 1;
    if (random() < 0.4) await specify(SERVICES[Math.floor(random() * SERVICES.length)]!);
    if (kills % 10 === 0) process.stdout.write(`${kills} kills: ${JSON.stringify(tally)}, ${seen.size} events\n`);
  }

  // What was killed too often waits for its owner, as it should: a word of theirs, and everything must come right.
  for (const steward of stewards.values()) await steward.ready;
  for (const service of SERVICES) await specify(service);
  await inProduction(house, { revisions, withinMs: 180_000 });
  await assertSound(house, { seen: [...seen] });
  assert.ok(
    Object.keys(tally).length >= Math.min(kinds.length, KILLS / 10),
    `too few kinds were killed: ${JSON.stringify(tally)}`,
  );
});

/** False if there was nobody of that kind. A Steward process is started again at once. */
async function kill(
  house: FaultHouse,
  stewards: Map<"server" | "worker", Child>,
  kind: "server" | "worker" | keyof typeof victims,
  random: () => number,
): Promise<boolean> {
  if (kind === "server" || kind === "worker") {
    // Now and then while it is still starting.
    if (random() < 0.7) await stewards.get(kind)!.ready;
    await stewards.get(kind)!.kill();
    stewards.set(kind, kind === "server" ? house.up() : house.worker());
    return true;
  }
  const found = await victims[kind](house);
  const pid = found[Math.floor(random() * found.length)];
  if (pid === undefined) return false;
  try {
    process.kill(pid, "SIGKILL");
  } catch (error) {
    if (hasErrorCode(error, "ESRCH")) return false;
    throw error;
  }
  if (kind === "database") await until("the database is back", () => acknowledged(house), { holds: () => true });
  return true;
}

/** Mulberry32: the same numbers for the same seed. */
function seeded(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296;
  };
}
