import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { type Head, type SealedFields, sealedFields, sealHash } from "#ledger/seal.ts";

export type Verification =
  | { ok: true; events: number; pending: number; head: { seq: number; hash: string } }
  | { ok: false; events: number; seq: number; event: string | null; problem: string };

type Row = SealedFields & { seq: number; hash: string; event_id: string; missing: boolean };

const PAGE = 5_000;

/**
 * Walks one tenant's whole chain and names the first bad row: an event changed or deleted, a seal changed, deleted or
 * inserted, an event that was slipped past the sealer, and, by the heads published outside the database, a tail cut
 * off or a chain rewritten whole. Runs in the tenant's transaction.
 */
export async function verifyLedger(tx: Tx, published: Head[] = []): Promise<Verification> {
  const outside = new Map(published.map((head) => [head.seq, head.hash]));
  let previous = "";
  let seq = 0;
  const bad = (event: string | null, problem: string): Verification => ({
    ok: false,
    events: seq,
    seq: seq + 1,
    event,
    problem,
  });

  for (;;) {
    const rows = await nextPage(tx, seq);
    for (const row of rows) {
      if (row.seq !== seq + 1) return bad(row.event_id, `seal ${seq + 1} is missing: the next one there is ${row.seq}`);
      if (row.missing) return bad(row.event_id, `the event of seal ${row.seq} was deleted`);
      const hash = sealHash(previous, row.seq, row);
      if (hash !== row.hash) return bad(row.event_id, `event ${row.event_id} (${row.type}) or its seal was changed`);
      const head = outside.get(row.seq);
      if (head !== undefined && head !== hash)
        return bad(row.event_id, `seal ${row.seq} differs from the head published outside: the chain was rewritten`);
      previous = hash;
      seq = row.seq;
    }
    if (rows.length < PAGE) break;
  }

  const latest = Math.max(0, ...outside.keys());
  if (latest > seq)
    return bad(null, `the chain ends at ${seq}, but head ${latest} was published: its tail was cut off`);
  const { rows: loose } = await sql<{ id: string; type: string }>`
    with waiting_for_seal as materialized (select unnest(event_ids) as event_id from pending)
    select e.id, e.type from event e
    where not exists (select 1 from seal s where s.event_id = e.id) and not exists (select 1 from waiting_for_seal p where p.event_id = e.id)
    order by e.id limit 1`.execute(tx);
  if (loose[0]) return bad(loose[0].id, `event ${loose[0].id} (${loose[0].type}) was added without a seal`);
  const { rows: waiting } = await sql<{
    n: number;
  }>`select coalesce(sum(cardinality(event_ids)), 0)::int as n from pending`.execute(tx);
  return { ok: true, events: seq, pending: waiting[0]?.n ?? 0, head: { seq, hash: previous } };
}

async function nextPage(tx: Tx, after: number): Promise<Row[]> {
  const { rows } = await sql<Row>`
    select s.seq, s.hash, s.event_id, e.id is null as missing, ${sealedFields}
    from seal s left join event e on e.id = s.event_id
    where s.seq > ${after} order by s.seq limit ${PAGE}`.execute(tx);
  return rows;
}
