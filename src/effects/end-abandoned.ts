import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { append, type Because } from "#ledger/append.ts";
import { settle } from "#policy/budgets.ts";
import type { ActTools } from "./act.ts";

/**
 * Ends the effects whose process died while it did them, and that nobody will ask for again: those of no run, as a
 * person's word or a recovery. Nobody knows whether they happened. An effect of a run is gone on with by whoever takes
 * up its ticket. Called at start.
 */
export async function endAbandonedEffects(tools: ActTools): Promise<void> {
  const at = tools.clock.now();
  await inTenant(tools.database.app, tools.tenantId, async (tx) => {
    const { rows } = await sql<{ key: string; process_id: string }>`
      select key, process_id from effect where state = 'doing' and run_id is null for update skip locked`.execute(tx);
    for (const { key, process_id } of rows) {
      if (await tools.processLives(tx, process_id)) continue;
      await endEffect(tx, { actor: "steward", at }, { key, reason: "the process that did it died in the middle" });
    }
  });
}

/** Ends an effect that is being done, if it is, as one of which nobody knows whether it happened. */
export async function endEffect(
  tx: Tx,
  because: Because,
  { key, reason }: { key: string; reason: string },
): Promise<void> {
  const { rows } = await sql<{ id: string; kind: string }>`
    update effect set state = 'unknown', result = ${JSON.stringify({ reason })}, ended_at = ${because.at}
    where key = ${key} and state = 'doing' and not dry_run returning id, kind`.execute(tx);
  for (const { id, kind } of rows) {
    await settle(tx, [{ holder: id, cost: {} }]);
    await append(tx, because, { type: "effect.failed", subject: id, kind, key, reason });
  }
}
