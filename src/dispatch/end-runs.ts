import { CommitUnknown, type Db, inTenant, isConnectionLost } from "#db/db.ts";
import { plannedOnce } from "#db/together.ts";
import { isAllDone, report, type Report } from "#dispatch/report.ts";
import { reportDone } from "#dispatch/report-done.ts";

/**
 * Reports, in a transaction of its own. Returns the ids of the tickets whose report was accepted.
 *
 * Work that is there is reported together with what else of its tenant comes in while two such transactions are under
 * way: nothing waits for company, and under load a batch costs hardly more than one.
 */
export async function endRuns(db: Db, tenantId: string, at: Date, reports: Report[]): Promise<Set<string>> {
  if (reports.length === 0) return new Set();
  if (!isAllDone(reports)) return alone(db, tenantId, at, reports);
  const desk = deskOf(db, tenantId);
  if (desk.underWay < AT_ONCE) return take(desk, { at, reports });
  return new Promise((resolve, reject) => desk.waiting.push({ at, reports, resolve, reject }));
}

/** One commits while the next is written. */
const AT_ONCE = 2;

type DoneReports = (Report & { outcome: "done" })[];
type Waiting = { at: Date; reports: DoneReports; resolve(accepted: Set<string>): void; reject(error: unknown): void };

/** Where one tenant's reports come in, in this process. */
type Desk = { db: Db; tenantId: string; underWay: number; waiting: Waiting[] };

const desks = new WeakMap<Db, Map<string, Desk>>();

function deskOf(db: Db, tenantId: string): Desk {
  const ofTenants = desks.get(db) ?? new Map<string, Desk>();
  desks.set(db, ofTenants);
  const desk = ofTenants.get(tenantId) ?? { db, tenantId, underWay: 0, waiting: [] };
  ofTenants.set(tenantId, desk);
  return desk;
}

async function take(desk: Desk, { at, reports }: { at: Date; reports: DoneReports }): Promise<Set<string>> {
  desk.underWay++;
  try {
    return await alone(desk.db, desk.tenantId, at, reports);
  } finally {
    desk.underWay--;
    if (desk.waiting.length > 0) void takeTogether(desk, desk.waiting.splice(0));
    else if (desk.underWay === 0) desks.get(desk.db)!.delete(desk.tenantId);
  }
}

/** Never rejects: what went wrong goes to those who wait. */
async function takeTogether(desk: Desk, waiting: Waiting[]): Promise<void> {
  try {
    const last = waiting.at(-1)!;
    const accepted = await take(desk, { at: last.at, reports: waiting.flatMap(({ reports }) => reports) });
    for (const { reports, resolve } of waiting)
      resolve(new Set(reports.flatMap(({ ticketId }) => (accepted.has(ticketId) ? ticketId : []))));
  } catch (error) {
    if (waiting.length === 1 || isConnectionLost(error) || error instanceof CommitUnknown) {
      for (const { reject } of waiting) reject(error);
      return;
    }
    // One of them cannot be stored, and must not take the others with it.
    for (const { at, reports, resolve, reject } of waiting)
      await alone(desk.db, desk.tenantId, at, reports).then(resolve, reject);
  }
}

function alone(db: Db, tenantId: string, at: Date, reports: Report[]): Promise<Set<string>> {
  return inTenant(
    db,
    tenantId,
    (tx) => (isAllDone(reports) ? reportDone(tx, at, reports, { commit: true }) : report(tx, at, reports)),
    { first: `select ${plannedOnce}` },
  );
}
