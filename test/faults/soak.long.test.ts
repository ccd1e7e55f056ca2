import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { heapInUse, measurable } from "./heap.fixture.ts";
import { makeFaultHouse, notesSpec, smallSpec, type FaultHouse } from "./house.fixture.ts";
import { assertSound, inProduction } from "./sound.fixture.ts";

const MINUTES = Number(process.env["STEWARD_SOAK_MINUTES"] ?? 3);

/** The first garbage collections and compilations are over by then. */
const WARM_UP_MS = Math.min(60_000, MINUTES * 20_000);

test(`${MINUTES} idle minutes with everything in production: no ticket, no run, no event, and no more memory`, async (t) => {
  const house = await makeFaultHouse(t, { embedded: true, builders: "both" });
  const steward = house.up({ environment: measurable });
  await steward.ready;
  await house.specify("notes", notesSpec);
  for (const name of ["one", "two"]) await house.specify(name, smallSpec(1));
  await inProduction(house, { revisions: { one: 1, two: 1 } });
  await pause(WARM_UP_MS);
  const before = { counts: await counts(house), memory: await heapInUse(steward) };
  await pause(MINUTES * 60_000 - WARM_UP_MS);
  const after = { counts: await counts(house), memory: await heapInUse(steward) };
  assert.deepEqual(after.counts, before.counts, "something happened although nothing had changed");
  assert.ok(
    after.memory < before.memory * 1.1,
    `what it keeps in memory grew from ${before.memory.toFixed(1)} to ${after.memory.toFixed(1)} MB in ${MINUTES} minutes`,
  );
  t.diagnostic(
    `in use: ${before.memory.toFixed(1)} MB, then ${after.memory.toFixed(1)} MB; resident: ${await residentMiB(steward.pid)} MiB`,
  );
  await assertSound(house);
});

async function counts({ read }: FaultHouse): Promise<Record<string, number>> {
  return read(async (tx) => {
    const { rows } = await sql<Record<string, number>>`
      select (select count(*)::int from ticket) as tickets, (select count(*)::int from run) as runs,
        (select count(*)::int from effect) as effects, (select count(*)::int from event) as events,
        (select count(*)::int from verdict) as verdicts`.execute(tx);
    return rows[0]!;
  });
}

async function residentMiB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round(Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1024);
}
