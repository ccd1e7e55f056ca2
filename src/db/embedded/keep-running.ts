import { readFile, stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import type { Log } from "#system/log.ts";
import { bootId, isAlive } from "#system/processes.ts";
import type { Layout } from "./layout.ts";
import { withLock } from "./lock.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";

/**
 * Starts the server again, on its port, when it was killed or gave up: whoever is connected then only sees it gone for a
 * moment. Every process here watches, and the lock lets one of them act. A server that was told to end stays ended. `stop`
 * may be called twice.
 */
export function keepRunning({
  layout,
  postmaster,
  start,
  log,
  everyMs = 250,
}: {
  layout: Layout;
  postmaster: Postmaster;
  start: () => Promise<Postmaster>;
  log: Log;
  everyMs?: number;
}): { stop(): Promise<void> } {
  const stopping = new AbortController();
  let current = postmaster;

  const restart = () =>
    withLock(layout.lock, async () => {
      const running = await findPostmaster(layout.data);
      if (running) return running;
      if (stopping.signal.aborted || (await wasToldToEnd(layout))) return null;
      log.warn(
        { server: current.pid },
        "the embedded database has ended without having been told to; starting it again",
      );
      return start();
    });

  const watching = (async () => {
    while (!stopping.signal.aborted) {
      await sleep(everyMs, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      if (stopping.signal.aborted || isAlive({ ...current, bootId: bootId() })) continue;
      try {
        current = (await restart()) ?? current;
      } catch (error) {
        log.error({ err: error }, "the embedded database could not be started again; trying once more in 5 s");
        await sleep(5_000, undefined, { signal: stopping.signal, ref: false }).catch(() => {});
      }
    }
  })();

  return {
    stop: async () => {
      stopping.abort();
      await watching;
    },
  };
}

/** PostgreSQL's DB_SHUTDOWNED, and where its control file has it, in every version so far (pg_control.h). */
const SHUT_DOWN = 1;
const STATE_AT = 16;

/**
 * A killed server leaves its postmaster.pid. One that gives up takes it away, as one that was told to end does: it does so
 * where a full disk stops its recovery. But only the latter has written down that it was shut down.
 */
async function wasToldToEnd(layout: Layout): Promise<boolean> {
  const killed = await stat(`${layout.data}/postmaster.pid`).then(
    () => true,
    () => false,
  );
  if (killed) return false;
  const control = await readFile(`${layout.data}/global/pg_control`).catch(() => null);
  return control === null || control.readInt32LE(STATE_AT) === SHUT_DOWN;
}
