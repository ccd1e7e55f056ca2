import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { append } from "#ledger/append.ts";
import type { ProductionItem } from "./production-settings.ts";

/** It serves no more, on its owner's word; not `forGood`: until Steward comes again. For good it is recorded once. */
export async function recordStopped(
  tx: Tx,
  item: Pick<ProductionItem, "id" | "key">,
  { deployment, reason, forGood, at }: { deployment: string; reason: string; forGood: boolean; at: Date },
): Promise<void> {
  // The item first, as everybody takes them: else two could wait for each other.
  await sql`update item set health = 'stopped', health_reason = ${reason}, health_at = ${at} where id = ${item.id}`.execute(
    tx,
  );
  if (forGood) {
    const { rows } = await sql`
      update deployment set state = 'stopped', ended_at = ${at} where id = ${deployment} and state = 'live' returning 1`.execute(
      tx,
    );
    if (rows.length === 0) return;
  }
  await append(tx, { actor: "owner", at }, { type: "service.stopped", subject: item.id, key: item.key, reason });
}
