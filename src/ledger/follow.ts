import { sql } from "kysely";
import type { Tx } from "#db/db.ts";

/** A sealed event, as every reader (screens, webhooks, learning) gets it. `seq` is the cursor. */
export type LedgerEvent = {
  seq: number;
  id: string;
  at: Date;
  type: string;
  subject: string;
  actor: string;
  rule: string | null;
  policy: string | null;
  body: Record<string, unknown>;
};

/** The tenant's sealed events after a cursor, oldest first. */
export async function readLedger(
  tx: Tx,
  { after = 0, limit = 500, subject, types }: { after?: number; limit?: number; subject?: string; types?: string[] },
): Promise<LedgerEvent[]> {
  const { rows } = await sql<LedgerEvent>`
    select s.seq, e.id, e.at, e.type, e.subject, e.actor, e.rule, e.policy, e.body
    from seal s join event e on e.id = s.event_id
    where s.seq > ${after}
      and (${subject ?? null}::text is null or e.subject = ${subject ?? null})
      and (${types ?? null}::text[] is null or e.type = any(${types ?? null}))
    order by s.seq limit ${limit}`.execute(tx);
  return rows;
}

/** The newest cursor of the tenant, to follow from now on. */
export async function ledgerHead(tx: Tx): Promise<number> {
  const { rows } = await sql<{ seq: number }>`select coalesce(max(seq), 0) as seq from seal`.execute(tx);
  return rows[0]?.seq ?? 0;
}
