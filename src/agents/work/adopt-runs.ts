import { sql } from "kysely";
import { endRun } from "#agents/runner/end-run.ts";
import { readRun } from "#agents/runner/read-run.ts";
import { waitForEnd } from "#agents/runner/wait-for-end.ts";
import { runMarker } from "#agents/drivers/command.ts";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import type { LeaseKind, RunState } from "#db/schema.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { report } from "#dispatch/report.ts";
import { append } from "#ledger/append.ts";
import { bootId, isAlive, sweepMarked } from "#system/processes.ts";
import { finishRun, finishTakingOver, reportLoss } from "./finish-run.ts";
import { runFolderOf } from "./run-folder.ts";
import { removeCopies } from "./sweep-ended-runs.ts";
import type { EndedWork } from "./take-over.ts";

type Orphan = EndedWork & {
  state: RunState;
  leaseKind: LeaseKind;
  owner: string;
  pid: number | null;
  startTime: string | null;
};

/** Follows an adopted run; called once a run, and must not throw. */
export type Follow = (work: EndedWork, go: (signal: AbortSignal) => Promise<void>) => void;

/**
 * Takes over the runs of this host that nobody follows, each time the function that it returns is called: at start
 * before anything is reaped, and every second. An orphan is a run that is not ended and whose process, by pid and start
 * time, does not live; or one of this very process, which was not at work on it at two looks in a row: the database was
 * lost in the moment of a claim, an adoption or a report, and nobody else would ever come for it.
 *
 * A spawned run whose runner lives goes on as if nothing had been; one whose runner is dead, and built-in work, is
 * reported lost now and need not wait for its lease; work that was being taken over is taken over.
 */
export function adoptRuns(
  tools: Tools,
  { follow, follows }: { follow: Follow; follows: (runId: string) => boolean },
): () => Promise<void> {
  let strays = new Set<string>();
  return async () => {
    const unfollowed = (await findUnended(tools)).filter(({ runId }) => !follows(runId));
    const own = unfollowed.filter(({ owner }) => owner === tools.processId).map(({ runId }) => runId);
    for (const run of unfollowed) {
      if (own.includes(run.runId) ? strays.has(run.runId) : isOrphan(run)) await adopt(tools, run, follow);
    }
    strays = new Set(own);
  };
}

async function adopt(tools: Tools, orphan: Orphan, follow: Follow): Promise<void> {
  if (!(await makeOurs(tools, orphan))) return;
  const folder = runFolderOf(tools.home, orphan.runId);
  if (orphan.state === "reported") {
    // What it made was being taken over, and may stand in the service in part by now: that is finished.
    follow(orphan, () => finishTakingOver(tools, orphan, folder));
    return;
  }
  if (orphan.leaseKind === "process") {
    await sweepMarked(runMarker, orphan.runId);
    await lost(tools, orphan, "the process that worked on it died");
    await tools.lookAgain(orphan.itemId);
    return;
  }
  const run = await readRun(folder.folder, orphan.fence);
  if (run.state === "not_started" || run.state === "dead") {
    await endRun(folder.folder, orphan.fence);
    await lost(tools, orphan, run.state === "dead" ? "its runner died" : "the process that was to start it died");
    await tools.lookAgain(orphan.itemId);
    return;
  }
  follow(orphan, async (signal) => {
    const stop = () => void endRun(folder.folder, orphan.fence);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    try {
      const ended = await waitForEnd(folder.folder, orphan.fence, { signal: tools.leaving });
      await finishRun(tools, orphan, folder, ended, signal.aborted ? String(signal.reason) : null);
    } catch (error) {
      if (!tools.leaving.aborted) await reportLoss(tools, orphan, error);
    }
  });
}

async function findUnended({ database, tenantId, hostId }: Tools): Promise<Orphan[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<Orphan>`
      select r.id as "runId", r.ticket_id as "ticketId", r.item_id as "itemId", r.fence, r.kind, t.round, a.name as agent, r.state,
        t.lease_kind as "leaseKind", r.process_id as owner, p.pid, p.start_time as "startTime"
      from run r join ticket t on t.id = r.ticket_id and t.run_id = r.id and t.state = 'claimed' join agent a on a.id = r.agent_id
      left join process p on p.id = r.process_id and p.ended_at is null
      where r.host_id = ${hostId} and r.state <> 'ended'`.execute(tx);
    return rows;
  });
}

function isOrphan({ pid, startTime }: Orphan): boolean {
  return pid === null || startTime === null || !isAlive({ pid, startTime, bootId: bootId() });
}

/** Several processes may see the same orphan: one gets it. Its lease is this process's to keep until it has ended. */
async function makeOurs({ database, tenantId, processId, clock }: Tools, orphan: Orphan): Promise<boolean> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql`
      update run set process_id = ${processId} where id = ${orphan.runId} and process_id = ${orphan.owner} and state <> 'ended' returning 1`.execute(
      tx,
    );
    if (rows.length === 0) return false;
    await sql`
      update ticket set process_id = ${processId}, lease_until = greatest(lease_until, now() + make_interval(secs => ${LEASE_SECONDS[orphan.leaseKind]}))
      where id = ${orphan.ticketId} and fence = ${orphan.fence} and state = 'claimed'`.execute(tx);
    await append(
      tx,
      { actor: "steward", at: clock.now(), rule: "agents.adopt" },
      { type: "run.adopted", subject: orphan.runId, ticket: orphan.ticketId, by: processId },
    );
    return true;
  });
}

async function lost(
  { database, tenantId, clock, home }: Tools,
  { ticketId, runId, fence, agent }: Orphan,
  reason: string,
): Promise<void> {
  await inTenant(database.app, tenantId, (tx) =>
    report(tx, clock.now(), [{ outcome: "lost", reason, ticketId, runId, fence, agent }]),
  );
  await removeCopies(home, runId);
}
