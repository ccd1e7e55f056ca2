import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { makeHouse } from "#dispatch/testing.ts";
import { uuidv7 } from "#system/ids.ts";
import { doubtProduction } from "./doubt-production.ts";
import type { SeenFacts } from "./facts.ts";

const seen = {
  production: ["PRODUCTION/ has a record of its deployment"],
  problems: [],
} as Partial<SeenFacts> as SeenFacts;

test("a record of a production that appears while an agent is at work is doubted, and stays so", async (t) => {
  const { look } = await service(t);
  const first = await look("none", "quick");
  assert.equal(first.signs, "doubted");
  assert.deepEqual(first.seen.production, []);
  assert.match(first.seen.problems[0] ?? "", /Steward released nothing/);
  assert.equal((await look("doubted", null)).signs, "doubted");
});

test("a record of what Steward released is believed, also when it is first seen while an agent is at work", async (t) => {
  const { look, release } = await service(t);
  await release();
  assert.equal((await look("none", "quick")).signs, "believed");
  assert.equal((await look("doubted", null)).signs, "believed");
});

async function service(t: TestContext) {
  const { database } = await createTestDatabase(t);
  const { tenantId, hostId, itemId } = await makeHouse(database);
  return {
    look: (before: "none" | "doubted", worker: string | null) =>
      inTenant(database.app, tenantId, (tx) =>
        doubtProduction(tx, seen, { itemId, before, worker, since: new Date() }),
      ),
    release: () =>
      inTenant(database.app, tenantId, (tx) =>
        tx
          .insertInto("deployment")
          .values({
            id: uuidv7(), tenant_id: tenantId, item_id: itemId, host_id: hostId, target: "process", version: "v1", round: 1,
            content_hash: "hash", state: "live", started_at: new Date(),
          })
          .execute(),
      ), // prettier-ignore
  };
}
