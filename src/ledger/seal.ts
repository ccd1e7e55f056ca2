import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Db, Tx } from "#db/db.ts";

/** One sealer at a time, whichever process it runs in. The number is arbitrary and stays. */
const SEALER_LOCK = 7_215_003;

/** About so many events are sealed in one transaction, few enough that a follower sees them within 100 ms. */
export const BATCH = 1_000;

export type Head = { tenantId: string; seq: number; hash: string };

/** What is hashed of an event. Times in microseconds and the body as PostgreSQL prints it, so that it can be redone. */
export type SealedFields = {
  id: string;
  tenant_id: string;
  at_micros: string;
  type: string;
  subject: string;
  actor: string;
  rule: string | null;
  policy: string | null;
  body_text: string;
};

/** The columns of SealedFields, for a query over `event e`. */
export const sealedFields = sql.raw(`e.id, e.tenant_id, (extract(epoch from e.at) * 1000000)::bigint::text as at_micros,
  e.type, e.subject, e.actor, e.rule, e.policy, e.body::text as body_text`);

/** SHA-256 over the previous seal and everything that the event says. Each tenant's first seal follows "". */
export function sealHash(previous: string, seq: number, e: SealedFields): string {
  const text = JSON.stringify([previous, seq, e.id, e.tenant_id, e.at_micros, e.type, e.subject, e.actor, e.rule, e.policy, e.body_text]); // prettier-ignore
  return createHash("sha256").update(text).digest("hex");
}

/**
 * Seals up to one batch of pending events: per tenant a gapless sequence and a chain of hashes. Insert-only events and
 * a table of what is pending, one row for what was added together, are unaffected by foreign long transactions, which
 * an xmin watermark is not. Each event is looked up by its id (`offset 0` keeps the planner from merging the two by reading
 * the ledger from its beginning, which took longer the longer it was). Runs as the engine's role. Returns the new heads; empty when there was nothing to do or
 * another sealer is at it.
 */
export async function seal(engine: Db): Promise<{ sealed: number; heads: Head[] }> {
  return engine.transaction().execute(async (tx) => {
    const lock = await sql
      .raw<{ held: boolean }>(`select pg_try_advisory_xact_lock(${SEALER_LOCK}) as held`)
      .execute(tx);
    if (!lock.rows[0]?.held) return { sealed: 0, heads: [] };
    const { rows } = await sql<SealedFields & { pending_id: string }>`/*seal.look*/
      select ${sealedFields}, p.id as pending_id
      from (select id, unnest(event_ids) as event_id
            from (select id, event_ids, sum(cardinality(event_ids)) over (order by id) - cardinality(event_ids) as before
                  from (select id, event_ids from pending order by id limit ${sql.lit(BATCH)}) first) counted
            where before < ${sql.lit(BATCH)}) p
        cross join lateral (select * from event where id = p.event_id offset 0) e
      order by e.id`.execute(tx);
    if (rows.length === 0) return { sealed: 0, heads: [] };

    const heads = await headsOf(tx, [...new Set(rows.map((row) => row.tenant_id))]);
    const seals = rows.map((row) => {
      const head = heads.get(row.tenant_id)!;
      head.seq += 1;
      head.hash = sealHash(head.hash, head.seq, row);
      return { tenant_id: row.tenant_id, seq: head.seq, event_id: row.id, hash: head.hash };
    });
    await sql`/*seal.write*/
      with sealed as (
        insert into seal (tenant_id, seq, event_id, hash)
        select tenant_id, seq, event_id, hash
        from jsonb_to_recordset(${JSON.stringify(seals)}::jsonb) as s(tenant_id uuid, seq bigint, event_id uuid, hash text)
      ), emptied as (
        delete from pending where id = any(${[...new Set(rows.map((row) => row.pending_id))]})
      )
      select pg_notify('steward_sealed', '')`.execute(tx);
    return { sealed: seals.length, heads: [...heads.values()] };
  });
}

async function headsOf(tx: Tx, tenants: string[]): Promise<Map<string, Head>> {
  const { rows } = await sql<{ tenant_id: string; seq: number; hash: string }>`/*seal.heads*/
    select tenant_id, coalesce(s.seq, 0) as seq, coalesce(s.hash, '') as hash
    from unnest(${tenants}::uuid[]) as t(tenant_id)
    left join lateral (select seq, hash from seal where seal.tenant_id = t.tenant_id order by seq desc limit 1) s on true`.execute(
    tx,
  );
  return new Map(rows.map((row) => [row.tenant_id, { tenantId: row.tenant_id, seq: row.seq, hash: row.hash }]));
}
