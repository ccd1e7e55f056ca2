import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { Database } from "#db/open.ts";
import { createTicket, type NewTicket } from "#dispatch/create-ticket.ts";
import type { Candidate } from "#dispatch/claim.ts";
import { uuidv7 } from "#system/ids.ts";

/** What most tests of the engine need: a tenant with a host, a process, an item and an agent. */
export async function makeHouse(database: Database, { name = "test" }: { name?: string } = {}) {
  const tenantId = uuidv7();
  const hostId = uuidv7();
  const processId = uuidv7();
  await inTenant(database.app, tenantId, async (tx) => {
    await tx.insertInto("tenant").values({ id: tenantId, name }).execute();
    await tx.insertInto("host").values({ id: hostId, tenant_id: tenantId, name: "here", boot_id: "boot" }).execute();
    await tx
      .insertInto("process")
      .values({
        id: processId,
        tenant_id: tenantId,
        host_id: hostId,
        kind: "server",
        pid: process.pid,
        start_time: "1",
      })
      .execute();
  });
  const house = { database, tenantId, hostId, processId };
  return { ...house, itemId: await makeItem(house), agentId: await makeAgent(house) };
}

export type TestHouse = { database: Database; tenantId: string; hostId: string; processId: string };

export async function makeItem(
  { database, tenantId }: TestHouse,
  { key = `service-${uuidv7()}`, client = null as string | null } = {},
) {
  const id = uuidv7();
  await inTenant(database.app, tenantId, (tx) =>
    tx
      .insertInto("item")
      .values({ id, tenant_id: tenantId, line: "service", key, stage: "BUILD", phase: "READY_FOR_BUILD", client })
      .execute(),
  );
  return id;
}

export async function makeAgent(
  { database, tenantId }: TestHouse,
  { name = `agent-${uuidv7()}`, capabilities = ["builder"], kind = "builtin" as const } = {},
) {
  const id = uuidv7();
  await inTenant(database.app, tenantId, (tx) =>
    tx.insertInto("agent").values({ id, tenant_id: tenantId, name, kind, capabilities }).execute(),
  );
  return id;
}

export async function makeTicket(house: TestHouse & { itemId: string }, overrides: Partial<NewTicket> = {}) {
  return inTenant(house.database.app, house.tenantId, async (tx) => {
    const { id } = await createTicket(
      tx,
      { actor: "test", at: new Date() },
      {
        itemId: house.itemId,
        line: "service",
        kind: "build",
        capability: "builder",
        title: "Build it",
        dedupeKey: uuidv7(),
        ...overrides,
      },
    );
    return id;
  });
}

export function candidate(agentId: string, overrides: Partial<Candidate> = {}): Candidate {
  return { agentId, name: "tester", leaseKind: "process", free: 10, ...overrides };
}

export const firstAgent = (_ticket: unknown, candidates: Candidate[]) =>
  candidates.map(({ agentId }) => ({ agentId, why: "the only one" }));

/** Ledger events of a subject, oldest first. */
export async function eventsOf({ database, tenantId }: TestHouse, subject: string): Promise<string[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<{ type: string }>`select type from event where subject = ${subject} order by id`.execute(
      tx,
    );
    return rows.map(({ type }) => type);
  });
}
