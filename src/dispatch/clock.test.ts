import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { uuidv7 } from "#system/ids.ts";
import { claim } from "./claim.ts";
import { createTicket } from "./create-ticket.ts";
import { reapExpired } from "./reap.ts";
import { report } from "./report.ts";
import { candidate, firstAgent, makeHouse } from "./testing.ts";

const HOUR_MS = 60 * 60_000;

for (const [clock, offset] of [
  ["ahead", HOUR_MS],
  ["behind", -HOUR_MS],
] as const) {
  test(`a host whose clock is an hour ${clock} gives, takes, keeps and retries tickets like any other`, async (t) => {
    const { database } = await createTestDatabase(t);
    const house = await makeHouse(database);
    const { tenantId, agentId, itemId } = house;
    const wrong = () => new Date(Date.now() + offset);
    const ticket = {
      itemId,
      line: "service",
      kind: "build",
      capability: "builder",
      title: "Build it",
      dedupeKey: uuidv7(),
    };
    const { id } = await inTenant(database.app, tenantId, (tx) =>
      createTicket(tx, { actor: "test", at: wrong() }, ticket),
    );

    const request = { ...house, capability: "builder", candidates: [candidate(agentId)], rank: firstAgent };
    const [claimed] = await claim(database.app, { ...request, now: wrong() });
    assert.equal(claimed?.id, id, "it was not given out at once");
    assert.equal(await reapExpired(database.engine, database.app, wrong()), 0, "its lease counts by a wrong clock");

    await inTenant(database.app, tenantId, (tx) =>
      report(tx, wrong(), [
        { outcome: "failed", reason: "no luck", ticketId: id, runId: claimed.runId, fence: 1, agent: "tester" },
      ]),
    );
    const { rows } = await inTenant(database.app, tenantId, (tx) =>
      sql<{ seconds: number }>`select extract(epoch from ready_at - now())::float8 as seconds from ticket`.execute(tx),
    );
    assert.ok(rows[0]!.seconds > 3 && rows[0]!.seconds <= 5, `it is tried again in ${rows[0]!.seconds} s`);
  });
}
