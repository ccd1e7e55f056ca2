import { sql } from "kysely";
import type { Db } from "#db/db.ts";

export type Lane = { tenantId: string; capability: string; priority: number };

/** Which of these lanes have something ready, the most pressing first. Looks across tenants as the engine's role. */
export async function lanesWithWork(engine: Db, capabilities: string[]): Promise<Lane[]> {
  const { rows } = await sql<Lane>`/*claim.lanes*/
    select tenant.id as "tenantId", lane.capability, top.priority
    from tenant, unnest(${capabilities}::text[]) as lane(capability),
      lateral (select priority from ticket
        where tenant_id = tenant.id and capability = lane.capability collate "C" and state = 'ready' and ready_at <= now()
        order by priority desc limit 1) top
    order by top.priority desc`.execute(engine);
  return rows;
}
