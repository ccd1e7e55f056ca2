import type { Database } from "#db/open.ts";
import { claim, type Rank } from "#dispatch/claim.ts";
import { lanesWithWork } from "#dispatch/lanes-with-work.ts";
import type { Worker } from "#dispatch/worker.ts";
import type { Clock } from "#system/clock.ts";
import type { Log } from "#system/log.ts";
import { failpoint } from "#system/failpoint.ts";

export type ClaimLoop = {
  /** There may be work: look now. */
  ring(): void;
  /** Claims nothing more; resolves when a claim under way is done. */
  stop(): Promise<void>;
};

/** The doorbell is what is quick; this is how long a lost ring can cost. */
const POLL_MS = 1_000;

/**
 * A process's one claimer: whenever it is rung, and every second, it fills all free places with what is ready, lane by
 * lane, until nothing more is given.
 */
export function startClaimLoop({
  database,
  hostId,
  processId,
  workers,
  rank,
  clock,
  log,
  paused = false,
  held = () => false,
}: {
  database: Database;
  hostId: string;
  processId: string;
  workers: () => readonly Worker[];
  rank: Rank;
  clock: Clock;
  log: Log;
  /** Claims nothing before it is first rung. */
  paused?: boolean;
  /** While it says so nothing is claimed. */
  held?: () => boolean;
}): ClaimLoop {
  let stopped = false;
  let wake: () => void = () => {};
  let rung = false;

  const running = (async () => {
    if (paused) await new Promise<void>((resolve) => (wake = resolve));
    while (!stopped) {
      rung = false;
      const gave = await fill().catch((error: unknown) => {
        log.warn({ err: error }, "claiming failed; it is tried again in a second");
        return false;
      });
      if (gave || rung || stopped) continue;
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, POLL_MS);
        wake = () => {
          clearTimeout(timer);
          resolve();
        };
      });
    }
  })();

  async function fill(): Promise<boolean> {
    if (held()) return false;
    const free = workers().filter((worker) => worker.free() > 0);
    const capabilities = [...new Set(free.flatMap((worker) => worker.capabilities))];
    if (capabilities.length === 0) return false;
    let gave = false;
    for (const lane of await lanesWithWork(database.engine, capabilities)) {
      if (stopped) return false;
      const able = workers().filter((worker) => worker.free() > 0 && worker.capabilities.includes(lane.capability));
      if (able.length === 0) continue;
      const claimed = await claim(database.app, {
        tenantId: lane.tenantId,
        capability: lane.capability,
        candidates: able.map((worker) => ({ ...worker, free: worker.free() })),
        hostId,
        processId,
        now: clock.now(),
        rank,
      });
      if (claimed.length > 0) failpoint("ticket.claimed");
      for (const one of claimed) able.find(({ agentId }) => agentId === one.agentId)!.begin(one);
      gave ||= claimed.length > 0;
    }
    return gave;
  }

  return {
    ring() {
      rung = true;
      wake();
    },
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}
