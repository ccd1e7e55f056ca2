import assert from "node:assert/strict";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { makeHouse, makeItem } from "#dispatch/testing.ts";
import { systemClock } from "#system/clock.ts";
import { uuidv7 } from "#system/ids.ts";
import { removeFolder } from "#system/testing.ts";
import { pruneRuns } from "./prune-runs.ts";
import { runFolderOf } from "./run-folder.ts";

test("the newest runs of each item keep their output, for a month; what goes on and what is unknown is let be", async (t) => {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const home = await mkdtemp(join(tmpdir(), "steward-prune-"));
  t.after(() => removeFolder(home));
  const daysAgo = (days: number) => new Date(Date.now() - days * 86_400_000);

  async function makeRun(itemId: string, days: number, state: "ended" | "running" = "ended"): Promise<string> {
    const id = uuidv7();
    await inTenant(database.app, house.tenantId, (tx) =>
      tx
        .insertInto("run")
        .values({
          id,
          tenant_id: house.tenantId,
          ticket_id: uuidv7(),
          item_id: itemId,
          agent_id: house.agentId,
          capability: "builder",
          kind: "build",
          fence: 1,
          attempt: 1,
          state,
          host_id: house.hostId,
          process_id: house.processId,
          started_at: daysAgo(days),
          ended_at: state === "ended" ? daysAgo(days) : null,
        }) // prettier-ignore
        .execute(),
    );
    await folderOf(id);
    return id;
  }
  async function folderOf(id: string): Promise<string> {
    await mkdir(runFolderOf(home, id).folder, { recursive: true });
    await writeFile(join(runFolderOf(home, id).folder, "output.jsonl"), "x");
    return id;
  }

  const other = await makeItem(house);
  const stay = [
    await makeRun(house.itemId, 1),
    await makeRun(house.itemId, 2),
    await makeRun(house.itemId, 40, "running"),
    await makeRun(other, 4),
    await folderOf(uuidv7()),
  ];
  await makeRun(house.itemId, 3);
  await makeRun(other, 31);
  const tools = { database, tenantId: house.tenantId, home, clock: systemClock };
  assert.equal(await pruneRuns(tools, { perItem: 2, days: 30 }), 2);
  assert.deepEqual((await readdir(join(home, "runs"))).toSorted(), stay.toSorted());
  assert.equal(await pruneRuns(tools, { perItem: 2, days: 30 }), 0);
});
