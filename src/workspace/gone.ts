import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { append } from "#ledger/append.ts";

/**
 * A folder that is gone takes its ready work with it, also what became ready again after it was noticed; what runs is
 * asked to stop. What serves goes on serving. Should the folder come back, the next look takes it up again.
 */
export async function markGone(tx: Tx, at: Date, name: string): Promise<void> {
  const { rows } = await sql<{ id: string; first: boolean }>`
    select id, gone_at is null as first from item where line = 'service' and key = ${name} for no key update`.execute(
    tx,
  );
  const item = rows[0];
  if (!item) return;
  if (item.first)
    await sql`update item set gone_at = ${at}, updated_at = ${at}, stamp = null where id = ${item.id}`.execute(tx);
  const { rows: cancelled } = await sql<{ id: string }>`
    update ticket set state = 'cancelled', outcome = 'cancelled', last_error = 'its folder is gone', ended_at = ${at}, updated_at = ${at}
    where item_id = ${item.id} and state in ('ready', 'waiting') returning id`.execute(tx);
  await sql`
    update ticket set stop_reason = 'its folder is gone'
    where item_id = ${item.id} and state = 'claimed' and stop_reason is null`.execute(tx);
  await append(
    tx,
    { actor: "steward", at, rule: "workspace.gone" },
    ...(item.first ? [{ type: "item.gone" as const, subject: item.id, line: "service", key: name }] : []),
    ...cancelled.map(({ id }) => ({
      type: "ticket.cancelled" as const,
      subject: id,
      item: item.id,
      reason: "its folder is gone",
    })),
  );
}
