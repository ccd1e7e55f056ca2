import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { report } from "#dispatch/report.ts";
import type { EndedWork } from "./take-over.ts";

/**
 * From here on this process looks after the ticket: its runner has ended and renews no more. False if it is no longer
 * this run's.
 */
export async function keepTicket(tools: Tools, work: EndedWork): Promise<boolean> {
  return inTenant(tools.database.app, tools.tenantId, async (tx) => {
    const { rows } = await sql`
      update ticket set lease_kind = 'process', process_id = ${tools.processId}, lease_until = now() + make_interval(secs => ${LEASE_SECONDS.process})
      where id = ${work.ticketId} and fence = ${work.fence} and state = 'claimed' returning 1`.execute(tx);
    if (rows.length > 0)
      await sql`update run set state = 'reported', process_id = ${tools.processId} where id = ${work.runId}`.execute(
        tx,
      );
    return rows.length > 0;
  });
}

/** What a run that lost its ticket made is not taken: that is put in the ledger. */
export async function refuseStale(tools: Tools, work: EndedWork): Promise<void> {
  await inTenant(tools.database.app, tools.tenantId, (tx) =>
    report(tx, tools.clock.now(), [
      { outcome: "done", ticketId: work.ticketId, runId: work.runId, fence: work.fence, agent: work.agent },
    ]),
  );
}
