// One of the workers that race for tickets: the real claim loop and the real report, in a process of its own. It is told
// what it can do as JSON in its argument, and ends on SIGTERM.
import { setTimeout as pause } from "node:timers/promises";
import { rankBy } from "#agents/match.ts";
import { openDatabase } from "#db/open.ts";
import { startClaimLoop } from "#dispatch/claim-loop.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import { systemClock } from "#system/clock.ts";
import { silentLog } from "#system/log.ts";

export type Racer = {
  adminUrl: string;
  tenantId: string;
  hostId: string;
  processId: string;
  agentId: string;
  name: string;
  capabilities: string[];
  places: number;
};

const { adminUrl, tenantId, hostId, processId, agentId, name, capabilities, places } = JSON.parse(
  process.argv[2] ?? "",
) as Racer;
const database = await openDatabase({ adminUrl, log: silentLog, connections: { app: 3, engine: 1 } });
const working = new Set<Promise<void>>();

const loop = startClaimLoop({
  database,
  hostId,
  processId,
  rank: rankBy(() => []),
  clock: systemClock,
  log: silentLog,
  workers: () => [
    {
      agentId,
      name,
      capabilities,
      leaseKind: "process",
      free: () => places - working.size,
      begin(claimed) {
        const work = (async () => {
          await pause(Math.random() * 3);
          await endRuns(database.app, tenantId, new Date(), [
            { outcome: "done", ticketId: claimed.id, runId: claimed.runId, fence: claimed.fence, agent: name },
          ]);
        })().finally(() => {
          working.delete(work);
          loop.ring();
        });
        working.add(work);
      },
    },
  ],
});
await database.listen(["steward_ready"], { onNotify: () => loop.ring(), onReconnect: () => loop.ring() });
process.stdout.write("racing\n");

process.once("SIGTERM", () => {
  void (async () => {
    await loop.stop();
    await Promise.all(working);
    await database.close();
  })();
});
