import assert from "node:assert/strict";
import { test, type TestContext } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { uuidv7 } from "#system/ids.ts";
import { claim } from "./claim.ts";
import { reapExpired } from "./reap.ts";
import { candidate, firstAgent, makeHouse, makeTicket } from "./testing.ts";

test("built-in work whose lease ran out is taken from a process that is not heard of any more", async (t) => {
  const { house, ticketId } = await expired(t);
  assert.equal(await reapExpired(house.database.engine, house.database.app, new Date(), { processId: uuidv7() }), 1);
  assert.equal(await stateOf(house, ticketId), "ready");
});

test("a process does not reap its own work: it may ask before it could renew, after a time without the database", async (t) => {
  const { house, ticketId } = await expired(t);
  const { database, processId } = house;
  assert.equal(await reapExpired(database.engine, database.app, new Date(), { processId }), 0);
  assert.equal(await stateOf(house, ticketId), "claimed");
});

async function expired(t: TestContext) {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const ticketId = await makeTicket(house);
  const candidates = [candidate(house.agentId)];
  await claim(database.app, { ...house, capability: "builder", candidates, now: new Date(), rank: firstAgent });
  await inTenant(database.app, house.tenantId, (tx) =>
    sql`update ticket set lease_until = now() - interval '1 second' where id = ${ticketId}`.execute(tx),
  );
  // The server was started a moment ago, and then nothing is reaped before a lease has passed.
  await until(() => serverIsOld(house));
  return { house, ticketId };
}

type House = Awaited<ReturnType<typeof makeHouse>>;

async function serverIsOld({ database }: House): Promise<boolean> {
  const { rows } = await sql<{ old: boolean }>`
    select now() > pg_postmaster_start_time() + interval '7 seconds' as old`.execute(database.app);
  return rows[0]!.old;
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  while (!(await holds())) await new Promise((resolve) => setTimeout(resolve, 100));
}

async function stateOf({ database, tenantId }: House, ticketId: string): Promise<string> {
  const ticket = await inTenant(database.app, tenantId, (tx) =>
    tx.selectFrom("ticket").select("state").where("id", "=", ticketId).executeTakeFirstOrThrow(),
  );
  return ticket.state;
}
