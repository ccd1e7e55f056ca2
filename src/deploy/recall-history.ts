import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { HealthEvent } from "#health/recovery.ts";
import type { DeployTools } from "./deploy-tools.ts";

/** A recovery looks back this far. */
export const HISTORY_MS = 24 * 60 * 60_000;

type Row = { at: Date; type: string; version: string; from: string; to: string };

/**
 * What was done about a service before this process looked after it, out of the ledger: a restart of Steward gives no
 * new budget of restarts. Probes begin anew.
 */
export async function recallHistory(
  { database, tenantId, clock }: DeployTools,
  itemId: string,
): Promise<HealthEvent[]> {
  const since = new Date(clock.now().getTime() - HISTORY_MS);
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<Row>`
      select at, type, body->>'version' as version, body->>'from' as "from", body->>'to' as "to" from event
      where subject = ${itemId} and at > ${since}
        and type in ('service.deployed', 'service.restarted', 'service.rolled_back', 'service.repair_asked') order by id`.execute(
      tx,
    ),
  );
  return rows.map(({ at, type, version, from, to }): HealthEvent => {
    switch (type) {
      case "service.deployed":
        return { type: "released", at, version };
      case "service.restarted":
        return { type: "restarted", at, version };
      case "service.rolled_back":
        return { type: "rolled back", at, from, to };
      default:
        return { type: "repair asked", at, version };
    }
  });
}
