import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { eventsOf, makeHouse, makeItem, makeTicket } from "#dispatch/testing.ts";
import { tryAgain } from "./try-again.ts";

test("another try forgets the failures before it, and what waited for its next attempt is ready for everybody now", async (t) => {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(database.app, house.tenantId, work);
  const itemId = await makeItem(house, { key: "quotes" });
  const at = new Date();
  const later = new Date(at.getTime() + 300_000);
  const ticket = await makeTicket({ ...house, itemId }, { readyAt: later });
  const elsewhere = await makeTicket(house, { readyAt: later });
  await within((tx) =>
    sql`update ticket set attempt = 3, losses = 4, refused_by = array[${house.agentId}::uuid]`.execute(tx),
  );

  const done = await within((tx) => tryAgain(tx, { actor: "owner", at }, "quotes"));
  assert.deepEqual(done, { itemId, ticket });
  const of = (id: string) =>
    within((tx) =>
      tx
        .selectFrom("ticket")
        .select(["attempt", "losses", "refused_by", "ready_at"])
        .where("id", "=", id)
        .executeTakeFirstOrThrow(),
    );
  assert.deepEqual(await of(ticket), { attempt: 0, losses: 0, refused_by: [], ready_at: at });
  assert.deepEqual(await of(elsewhere), { attempt: 3, losses: 4, refused_by: [house.agentId], ready_at: later });
  const item = await within((tx) =>
    tx.selectFrom("item").select("patience_from").where("id", "=", itemId).executeTakeFirstOrThrow(),
  );
  assert.deepEqual(item.patience_from, at);
  assert.deepEqual(await eventsOf(house, itemId), ["item.tried_again"]);
});

test("a service that is worked on keeps its attempt, and one that is not there is not found", async (t) => {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(database.app, house.tenantId, work);
  const itemId = await makeItem(house, { key: "quotes" });
  const ticket = await makeTicket({ ...house, itemId });
  await within((tx) =>
    sql`update ticket set state = 'claimed', attempt = 2, lease_until = now() + interval '1 hour' where id = ${ticket}`.execute(
      tx,
    ),
  );
  const because = { actor: "owner", at: new Date() };
  assert.equal((await within((tx) => tryAgain(tx, because, "quotes"))).ticket, null);
  const row = await within((tx) =>
    tx.selectFrom("ticket").select(["attempt", "state"]).where("id", "=", ticket).executeTakeFirstOrThrow(),
  );
  assert.deepEqual(row, { attempt: 2, state: "claimed" });
  await assert.rejects(
    within((tx) => tryAgain(tx, because, "nobody")),
    { code: "not_found", message: /steward status/ },
  );
});
