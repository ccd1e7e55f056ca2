import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { SeenFacts } from "./facts.ts";

/** Of the signs in a service's files that it is in production: there are none, they count, or they do not. */
export type Signs = "none" | "believed" | "doubted";

/**
 * Anybody can write a record of a production, and it would pass every gate by: one that appeared while an agent was at
 * work counts only if deploying was that agent's work. What is doubted stays so until it is gone. What stood there when
 * the service was first seen is its owner's, and what Steward itself released is known without any sign.
 */
export async function doubtProduction(
  tx: Tx,
  seen: SeenFacts,
  {
    itemId,
    before,
    worker,
    since,
  }: { itemId: string; before: Signs | null; worker: string | null; since: Date | null },
): Promise<{ signs: Signs; seen: SeenFacts }> {
  if (seen.production.length === 0) return { signs: "none", seen };
  if (await wasReleased(tx, itemId)) return { signs: "believed", seen };
  const appeared = before === "none" && worker !== null && !(await wasDeploying(tx, itemId, since));
  if (before !== "doubted" && !appeared) return { signs: "believed", seen };
  const [sign = ""] = seen.production;
  const doubt = `${sign}, but Steward released nothing, and it came while an agent was at work: it does not count; remove it`;
  return { signs: "doubted", seen: { ...seen, production: [], problems: [...seen.problems, doubt] } };
}

/** Steward's own record may be seen late: it was killed after it had written it, and an agent was at work by then. */
async function wasReleased(tx: Tx, itemId: string): Promise<boolean> {
  const { rows } = await sql`
    select 1 from deployment where item_id = ${itemId} and state in ('live', 'superseded', 'rolled_back', 'stopped') limit 1`.execute(
    tx,
  );
  return rows.length > 0;
}

async function wasDeploying(tx: Tx, itemId: string, since: Date | null): Promise<boolean> {
  const { rows } = await sql`
    select 1 from run where item_id = ${itemId} and kind = 'deploy' and (state <> 'ended' or ended_at > ${since ?? new Date(0)}) limit 1`.execute(
    tx,
  );
  return rows.length > 0;
}
