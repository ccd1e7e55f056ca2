import { stat } from "node:fs/promises";
import { setTimeout as sleep } from "node:timers/promises";
import { bootId, isAlive } from "#system/processes.ts";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { anyoneAlive } from "./alive.ts";
import { layoutOf } from "./layout.ts";
import { withLock } from "./lock.ts";
import { findPostmaster, type Postmaster } from "./postmaster.ts";

/**
 * Ends the home's server if no living process needs it any more. Whoever leaves calls it, after taking its own entry
 * away: the last one out turns off the light. True if no server runs afterwards.
 */
export async function stopIfLast(home: string): Promise<boolean> {
  const layout = layoutOf(home);
  if (!(await isFolder(layout.database))) return true;
  return withLock(layout.lock, async () => {
    if (await anyoneAlive(home)) return false;
    await end(await findPostmaster(layout.data));
    return true;
  });
}

/** Ends the home's server whoever needs it. May be called when none runs, or twice. */
export async function stopEmbedded(home: string): Promise<void> {
  const layout = layoutOf(home);
  if (!(await isFolder(layout.database))) return;
  await withLock(layout.lock, async () => end(await findPostmaster(layout.data)));
}

/**
 * SIGINT is PostgreSQL's fast shutdown: transactions are rolled back, connections closed, everything written out.
 * If that takes more than 30 s, SIGQUIT: it ends at once and recovers at the next start, which loses nothing either.
 */
async function end(postmaster: Postmaster | null): Promise<void> {
  if (!postmaster) return;
  for (const [signal, waitMs] of [
    ["SIGINT", 30_000],
    ["SIGQUIT", 10_000],
  ] as const) {
    if (await endedAfter(postmaster, signal, waitMs)) return;
  }
  throw new Failure("unavailable", `The embedded database (process ${postmaster.pid}) does not end; see its log.`);
}

async function endedAfter(postmaster: Postmaster, signal: NodeJS.Signals, waitMs: number): Promise<boolean> {
  try {
    process.kill(postmaster.pid, signal);
  } catch (error) {
    if (hasErrorCode(error, "ESRCH")) return true;
    throw error;
  }
  const deadline = Date.now() + waitMs;
  while (isAlive({ ...postmaster, bootId: bootId() })) {
    if (Date.now() > deadline) return false;
    await sleep(10);
  }
  return true;
}

async function isFolder(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isDirectory(),
    () => false,
  );
}
