import { sql } from "kysely";
import { endRun } from "#agents/runner/end-run.ts";
import { runFolderOf } from "#agents/work/run-folder.ts";
import { inTenant } from "#db/db.ts";
import { stopEmbedded } from "#db/embedded/stop-embedded.ts";
import { report } from "#dispatch/report.ts";
import { append } from "#ledger/append.ts";
import type { Settings } from "#config.ts";
import { messageOf } from "#system/failure.ts";
import { bootId, isAlive } from "#system/processes.ts";
import type { Log } from "#system/log.ts";
import { openHouse, type House } from "./open-house.ts";
import { stopProduction } from "./stop-production.ts";

export type Ended = {
  processes: number;
  runs: number;
  services: string[];
  left: string[];
  /** Services that should have ended and did not. */
  failed: { service: string; reason: string }[];
};

/** How long a Steward process may take to finish what it has begun before it is killed. */
const PATIENCE_MS = 15_000;

/**
 * `steward down`: ends everything of this workspace on this host: Steward's processes, the agents at work (their tickets
 * are ready again), with `services` also what serves, and last the embedded database. Works while the server is dead.
 */
export async function endEverything(
  settings: Settings,
  { services, log }: { services: boolean; log?: Log },
): Promise<Ended> {
  const house = await openHouse(settings, { kind: "command", ...(log && { log }) });
  const ended: Ended = { processes: 0, runs: 0, services: [], left: [], failed: [] };
  try {
    ended.processes = await endProcesses(house);
    ended.runs = await endRuns(house);
    const live = await liveServices(house);
    for (const { service, hired } of live) {
      // What a hired agent deployed is not Steward's to end.
      if (!services || hired) {
        ended.left.push(service);
        continue;
      }
      try {
        await stopProduction(house, service, "steward down --services", { forGood: false });
        ended.services.push(service);
      } catch (error) {
        // The others are to end all the same.
        ended.failed.push({ service, reason: messageOf(error) });
      }
    }
  } finally {
    await house.close();
    if (house.embedded) await stopEmbedded(settings.home);
  }
  return ended;
}

/**
 * Servers and workers. Not a `steward` command that somebody else runs in this moment, which ends by itself, and never
 * this very process: the demo's server and its end are one, and a row of it may stand as living.
 */
async function endProcesses({ database, tenantId, hostId }: House): Promise<number> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ pid: number; start_time: string }>`
      select pid, start_time from process
      where host_id = ${hostId} and kind <> 'command' and pid <> ${process.pid} and ended_at is null`.execute(tx),
  );
  const living = rows.map(({ pid, start_time }) => ({ pid, startTime: start_time, bootId: bootId() })).filter(isAlive);
  for (const { pid } of living) process.kill(pid, "SIGTERM");
  const deadline = Date.now() + PATIENCE_MS;
  while (living.some(isAlive) && Date.now() < deadline) await new Promise((resolve) => setTimeout(resolve, 50));
  for (const one of living.filter(isAlive)) process.kill(one.pid, "SIGKILL");
  return living.length;
}

async function endRuns({ database, tenantId, hostId, settings, clock }: House): Promise<number> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ id: string; item_id: string; ticket_id: string; fence: number; agent: string }>`
      select r.id, r.item_id, r.ticket_id, r.fence, a.name as agent from run r join agent a on a.id = r.agent_id where r.host_id = ${hostId} and r.state <> 'ended'`.execute(
      tx,
    ),
  );
  for (const run of rows) {
    await endRun(runFolderOf(settings.home, run.id).folder, run.fence);
    await inTenant(database.app, tenantId, (tx) =>
      report(tx, clock.now(), [
        {
          outcome: "stopped",
          reason: "steward down",
          ticketId: run.ticket_id,
          runId: run.id,
          fence: run.fence,
          agent: run.agent,
        },
      ]),
    );
  }
  if (rows.length > 0)
    await inTenant(database.app, tenantId, (tx) =>
      append(
        tx,
        { actor: "owner", at: clock.now() },
        ...rows.map(({ ticket_id, item_id }) => ({
          type: "ticket.stop_asked" as const,
          subject: ticket_id,
          item: item_id,
          reason: "steward down",
        })),
      ),
    );
  return rows.length;
}

/** Those in the middle of a deploy as well: who made it may have been killed. */
async function liveServices({ database, tenantId, hostId }: House): Promise<{ service: string; hired: boolean }[]> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{
      service: string;
      hired: boolean;
    }>`select i.key as service, bool_and(d.target = 'agent') as hired from deployment d join item i on i.id = d.item_id where d.host_id = ${hostId} and d.state in ('live', 'deploying') group by i.key order by i.key`.execute(
      tx,
    ),
  );
  return rows;
}
