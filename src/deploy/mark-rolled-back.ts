import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { append } from "#ledger/append.ts";
import { uuidv7 } from "#system/ids.ts";
import type { DeployTools } from "./deploy-tools.ts";
import type { ProductionItem } from "./production-settings.ts";

/** What the owner took back waits for them. */
export const takenBack = (service: string): string =>
  `you took it back; \`steward check ${service}\` judges it anew, and releases it if it passes`;

export type RolledBack = { from: string; to: string; reason: string; by: "steward" | "owner"; logTail?: string[] };

/** In a transaction of its own: see `recordRolledBack`. */
export async function markRolledBack(
  { database, tenantId, clock }: DeployTools,
  item: ProductionItem,
  rolledBack: RolledBack,
): Promise<void> {
  await inTenant(database.app, tenantId, async (tx) => {
    // The item first, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    await recordRolledBack(tx, clock.now(), item, rolledBack);
  });
}

/**
 * The older release is the live one again. The content of the one that was taken back gets a red verdict, with what
 * that release wrote last: whoever mends it sees it, and it is not released again as it is. What the owner took back
 * nobody is asked to mend. Told once: said of what serves no more it changes nothing.
 */
export async function recordRolledBack(
  tx: Tx,
  at: Date,
  item: Pick<ProductionItem, "id" | "key" | "release_hash">,
  { from, to, reason, by, logTail = [] }: RolledBack,
): Promise<void> {
  // A stopped one that its owner has brought back as it was.
  if (from === to) {
    await sql`update deployment set state = 'live', ended_at = null where item_id = ${item.id} and version = ${to}`.execute(
      tx,
    );
    return append(
      tx,
      { actor: by, at, rule: `${by}.rollback` },
      { type: "service.rolled_back", subject: item.id, key: item.key, from, to, reason },
    );
  }
  const { rows } = await sql<{ content_hash: string; round: number }>`
    update deployment set state = 'rolled_back', ended_at = ${at}
    where item_id = ${item.id} and version = ${from} and state in ('live', 'stopped') returning content_hash, round`.execute(
    tx,
  );
  if (rows[0] === undefined) return;
  await sql`update deployment set state = 'live', ended_at = null where item_id = ${item.id} and version = ${to}`.execute(
    tx,
  );
  await judgeSick(tx, item, rows[0], {
    at,
    reason: `release ${from} was taken back: ${reason}`,
    logTail,
    kind: by === "owner" ? "taken_back" : "unhealthy",
  });
  await append(
    tx,
    { actor: by, at, rule: `${by}.rollback` },
    { type: "service.rolled_back", subject: item.id, key: item.key, from, to, reason },
  );
}

/**
 * A red verdict for content that was not well in production; as it was released, so that what the owner mends beside it
 * (a secret, its start command, its target) voids it. What they took back waits for them, whatever changes.
 */
export async function judgeSick(
  tx: Tx,
  item: Pick<ProductionItem, "id" | "key" | "release_hash">,
  { content_hash: contentHash, round }: { content_hash: string; round: number },
  {
    at,
    reason,
    logTail,
    durationMs = 0,
    kind = "unhealthy",
  }: { at: Date; reason: string; logTail: string[]; durationMs?: number; kind?: "unhealthy" | "taken_back" },
): Promise<void> {
  const settingsHash = kind === "taken_back" ? "" : (item.release_hash ?? "");
  const facts = { kind, durationMs, output: logTail.join("\n") };
  await sql`
    insert into verdict (id, tenant_id, item_id, gate, round, content_hash, settings_hash, ok, reasons, facts, at)
    values (${uuidv7()}, tenant_now(), ${item.id}, 'health', ${round}, ${contentHash}, ${settingsHash}, false, ${JSON.stringify([reason])}, ${JSON.stringify(facts)}, ${at})`.execute(
    tx,
  );
  await append(
    tx,
    { actor: "steward", at, rule: "deploy.health" },
    {
      type: "gate.judged", subject: item.id, key: item.key, gate: "health", ok: false, contentHash, settingsHash,
      reasons: [reason], facts: { kind },
    }, // prettier-ignore
  );
}
