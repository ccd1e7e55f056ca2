import { type Db, inTenant } from "#db/db.ts";
import { plannedOnce } from "#db/together.ts";
import { isAllDone, report, type Report } from "#dispatch/report.ts";
import { reportDone } from "#dispatch/report-done.ts";

/** Reports, in a transaction of their own. Returns the ids of the tickets whose report was accepted. */
export async function endRuns(db: Db, tenantId: string, at: Date, reports: Report[]): Promise<Set<string>> {
  if (reports.length === 0) return new Set();
  return inTenant(
    db,
    tenantId,
    (tx) => (isAllDone(reports) ? reportDone(tx, at, reports, { commit: true }) : report(tx, at, reports)),
    { first: `select ${plannedOnce}` },
  );
}
