import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { append, type Because } from "#ledger/append.ts";
import type { ProductionItem } from "./production-settings.ts";
import { closeIncident } from "./record-probe.ts";

/**
 * This deployment is what serves: the one before it does no more, and what was open about it is over. Told once: said
 * of the one that is live already it changes nothing.
 */
export async function markLive(
  tx: Tx,
  because: Because,
  item: Pick<ProductionItem, "id" | "key">,
  { id, version, hostId, port }: { id: string; version: string; hostId: string; port: number | null },
): Promise<void> {
  const { at } = because;
  await sql`update deployment set state = 'superseded', ended_at = ${at} where item_id = ${item.id} and state in ('live', 'stopped') and id <> ${id}`.execute(
    tx,
  );
  const { rows } = await sql<{ target: string }>`
    update deployment set state = 'live', ended_at = null, port = ${port}, host_id = ${hostId} where id = ${id} and state <> 'live' returning target`.execute(
    tx,
  );
  await sql`update item set health = 'healthy', health_reason = null, health_at = ${at}, port = coalesce(${port}::int, port) where id = ${item.id}`.execute(
    tx,
  );
  const over = await closeIncident(tx, item, at);
  const target = rows[0]?.target;
  const deployed = { type: "service.deployed" as const, subject: item.id, key: item.key, version, port };
  await append(tx, because, ...over, ...(target === undefined ? [] : [{ ...deployed, target }]));
}
