import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { Database } from "#db/open.ts";
import type { Hired } from "#deploy/targets/agent.ts";

/** What a hired agent put into production and Steward proved; null where none did, or something else serves since. */
export async function readHired(
  { database, tenantId }: { database: Database; tenantId: string },
  service: string,
): Promise<Hired | null> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<Hired>`
      select d.version, d.detail->>'agent' as agent, d.detail->>'url' as url, d.detail->>'stop' as stop, d.detail->>'rollback' as rollback
      from deployment d join item i on i.id = d.item_id
      where i.line = 'service' and i.key = ${service} and d.target = 'agent' and d.state in ('live', 'stopped')
      order by d.started_at desc limit 1`.execute(tx),
  );
  return rows[0] ?? null;
}
