import assert from "node:assert/strict";
import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { claim } from "#dispatch/claim.ts";
import { candidate, eventsOf, firstAgent, makeHouse, makeTicket } from "#dispatch/testing.ts";
import { systemClock } from "#system/clock.ts";
import { silentLog } from "#system/log.ts";
import { removeFolder } from "#system/testing.ts";
import { adoptRuns } from "./adopt-runs.ts";

test("a run of this very process that nobody in it follows is given up at the second look, not at the first", async (t) => {
  const { house, tools, ticketId, runId } = await claimed(t);
  const adopt = adoptRuns(tools, { follow: () => assert.fail("there is nothing to follow"), follows: () => false });
  await adopt();
  assert.deepEqual(await stateOf(tools, ticketId), { state: "claimed", losses: 0 });
  await adopt();
  assert.deepEqual(await stateOf(tools, ticketId), { state: "ready", losses: 1 });
  assert.deepEqual((await eventsOf(house, runId)).toSorted(), ["run.adopted", "run.lost", "run.reported"]);
});

test("a run that this process follows is left alone, however often it is looked at", async (t) => {
  const { tools, ticketId, runId } = await claimed(t);
  const adopt = adoptRuns(tools, { follow: () => assert.fail("it is followed"), follows: (id) => id === runId });
  for (let look = 0; look < 3; look++) await adopt();
  assert.deepEqual(await stateOf(tools, ticketId), { state: "claimed", losses: 0 });
});

test("a run whose process is gone is given up at once", async (t) => {
  const { house, tools, ticketId } = await claimed(t);
  const adopt = adoptRuns(
    { ...tools, processId: await anotherProcess(house) },
    { follow: () => assert.fail("there is nothing to follow"), follows: () => false },
  );
  await adopt();
  assert.deepEqual(await stateOf(tools, ticketId), { state: "ready", losses: 1 });
});

/** A ticket with built-in work, claimed by the house's process: which, by its start time, does not live. */
async function claimed(t: TestContext) {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const home = await mkdtemp(join(tmpdir(), "steward-adopt-"));
  t.after(() => removeFolder(home));
  const ticketId = await makeTicket(house);
  const [given] = await claim(database.app, {
    ...house,
    capability: "builder",
    candidates: [candidate(house.agentId)],
    now: new Date(),
    rank: firstAgent,
  });
  const tools = {
    ...house,
    home,
    clock: systemClock,
    log: silentLog,
    lookAgain: async () => {},
  } as Partial<Tools> as Tools;
  return { house, tools, ticketId, runId: given!.runId };
}

async function anotherProcess({ database, tenantId, hostId }: Awaited<ReturnType<typeof makeHouse>>): Promise<string> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<{ id: string }>`
      insert into process (id, tenant_id, host_id, kind, pid, start_time) values (gen_random_uuid(), tenant_now(), ${hostId}, 'server', 2, '2') returning id`.execute(
      tx,
    );
    return rows[0]!.id;
  });
}

async function stateOf({ database, tenantId }: Tools, ticketId: string) {
  return inTenant(database.app, tenantId, (tx) =>
    tx.selectFrom("ticket").select(["state", "losses"]).where("id", "=", ticketId).executeTakeFirstOrThrow(),
  );
}
