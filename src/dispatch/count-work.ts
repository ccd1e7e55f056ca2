import { sql } from "kysely";
import type { Tx } from "#db/db.ts";

/** Tickets by state, and what all runs have cost, in nano-dollars. */
export async function countWork(tx: Tx) {
  const { rows } = await sql<{ ready: number; claimed: number; done: number; failed: number; spentNano: number }>`
    select (count(*) filter (where state in ('waiting', 'ready')))::int as ready, (count(*) filter (where state = 'claimed'))::int as claimed,
      (count(*) filter (where state = 'done'))::int as done, (count(*) filter (where state = 'failed'))::int as failed,
      (select coalesce(sum(cost_nano), 0)::bigint from run) as "spentNano"
    from ticket`.execute(tx);
  return rows[0]!;
}

/** How many runs of a scope live now. */
export async function countRuns(tx: Tx, scope: string, scopeId: string): Promise<number> {
  const { rows } = await sql<{ n: number }>`
    select count(*)::int as n from run r join ticket t on t.id = r.ticket_id join item i on i.id = r.item_id
    where r.state <> 'ended' and case ${scope}::text
      when 'everything' then true when 'agent' then r.agent_id::text = ${scopeId} when 'client' then i.client = ${scopeId}
      when 'line' then t.line = ${scopeId} when 'item' then i.id::text = ${scopeId} else r.id::text = ${scopeId} end`.execute(
    tx,
  );
  return rows[0]?.n ?? 0;
}
