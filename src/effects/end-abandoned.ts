import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
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

/**
 * Ends an effect that is being done, if it is: `done` if it was seen that it happened, otherwise as one of which nobody
 * knows whether it did.
 */
export async function endEffect(
  tx: Tx,
  because: Because,
  { key, reason, done }: { key: string; reason: string; done?: object },
): Promise<void> {
  const { rows } = await sql<{ id: string; kind: string }>`
    update effect set state = ${done ? "done" : "unknown"}, result = ${toJson(done ?? { reason })}, ended_at = ${because.at}
    where key = ${key} and state = 'doing' and not dry_run returning id, kind`.execute(tx);
  for (const { id, kind } of rows) {
    await settle(tx, [{ holder: id, cost: {} }]);
    const ended = done ? ({ type: "effect.done", costNano: 0, result: done } as const) : ({ type: "effect.failed", reason } as const); // prettier-ignore
    await append(tx, because, { ...ended, subject: id, kind, key });
  }
}
