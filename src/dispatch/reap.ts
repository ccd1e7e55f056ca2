import { sql } from "kysely";
import { type Db, inTenant } from "#db/db.ts";
import { report } from "#dispatch/report.ts";
import { append } from "#ledger/append.ts";
import type { LeaseKind } from "#db/schema.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";

type Expired = { id: string; tenant_id: string; run_id: string; fence: number; lease_kind: LeaseKind };

/**
 * Takes up tickets whose lease ran out: their run is lost, they are ready again. A database that was away could not
 * be renewed with, so after its start nothing is reaped before one lease of that kind and a second have passed.
 * Spawned runs of this host are looked after by their pids, much sooner; see agents/. So is `processId`'s own work: it
 * knows what it works on, and after a time without the database it may ask here before it could renew.
 */
export async function reapExpired(
  engine: Db,
  app: Db,
  at: Date,
  { processId }: { processId?: string } = {},
): Promise<number> {
  const { rows } = await sql<Expired>`
    select id, tenant_id, run_id, fence, lease_kind from ticket
    where state = 'claimed' and lease_until < now() and (lease_kind <> 'process' or process_id is distinct from ${processId ?? null})
      and now() > pg_postmaster_start_time() + make_interval(secs => 1 + case lease_kind
        when 'process' then ${LEASE_SECONDS.process}::int when 'runner' then ${LEASE_SECONDS.runner}::int else ${LEASE_SECONDS.session}::int end)
    order by tenant_id limit 500`.execute(engine);
  let reaped = 0;
  for (const [tenantId, expired] of groupByTenant(rows)) {
    reaped += await inTenant(app, tenantId, async (tx) => {
      // The lease may have been renewed or ended since it was seen: what still stands expired is locked and counted.
      const still = await sql<{ id: string; fence: number; agent: string }>`
        select t.id, t.fence, a.name as agent from ticket t join run r on r.id = t.run_id join agent a on a.id = r.agent_id
        where t.id = any(${expired.map(({ id }) => id)}) and t.state = 'claimed' and t.lease_until < now()
        order by t.id for update of t`.execute(tx);
      const fences = new Map(still.rows.map((row) => [row.id, row]));
      const lost = expired.filter(({ id, fence }) => fences.get(id)?.fence === fence);
      await report(tx, at, lost.map(({ id, run_id, fence, lease_kind }) => ({
        ticketId: id, runId: run_id, fence, agent: fences.get(id)!.agent, outcome: "lost", reason: `no sign of life for ${LEASE_SECONDS[lease_kind]} s`,
      }))); // prettier-ignore
      return lost.length;
    });
  }
  return reaped;
}

/** Fails tickets whose deadline passed before anybody could take them. */
export async function expireDeadlines(app: Db, tenantId: string, at: Date): Promise<number> {
  return inTenant(app, tenantId, async (tx) => {
    const { rows } = await sql<{ id: string; item_id: string }>`
      update ticket set state = 'failed', outcome = 'deadline', ended_at = ${at}, updated_at = ${at}, last_error = 'its deadline passed before it was taken up'
      where state = 'ready' and deadline_at < ${at} returning id, item_id`.execute(tx);
    await append(tx, { actor: "steward", at, rule: "dispatch.deadline" },
      ...rows.map(({ id, item_id }) => ({ type: "ticket.failed" as const, subject: id, item: item_id, run: null, reason: "its deadline passed before it was taken up" }))); // prettier-ignore
    return rows.length;
  });
}

function groupByTenant(rows: Expired[]): Map<string, Expired[]> {
  const groups = new Map<string, Expired[]>();
  for (const row of rows) groups.set(row.tenant_id, [...(groups.get(row.tenant_id) ?? []), row]);
  return groups;
}
