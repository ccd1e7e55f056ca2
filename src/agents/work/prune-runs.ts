import { rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import { runFolderOf } from "./run-folder.ts";
import { idsIn } from "./sweep-ended-runs.ts";

/** Enough to see how an item came to where it is; a run's output is at most some MB. What happened stays in the ledger. */
const KEEP = { perItem: 20, days: 30 };

/**
 * Takes away what old runs have left in Steward's folder here: of each item the newest stay, and nothing older than a
 * month. Never a run that has not ended, or that these tables do not know. Returns how many were taken away.
 */
export async function pruneRuns(
  { database, tenantId, home, clock }: Pick<Tools, "database" | "tenantId" | "home" | "clock">,
  keep: { perItem: number; days: number } = KEEP,
): Promise<number> {
  const here = await idsIn(join(home, "runs"));
  if (here.length === 0) return 0;
  const before = new Date(clock.now().getTime() - keep.days * 86_400_000);
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ id: string }>`
      select id from (
        select id, state, ended_at, row_number() over (partition by item_id order by started_at desc, id desc) as nth
        from run where id = any(${here})
      ) r where state = 'ended' and (nth > ${keep.perItem} or ended_at < ${before})`.execute(tx),
  );
  for (const { id } of rows) await rm(runFolderOf(home, id).folder, { recursive: true, force: true });
  return rows.length;
}
