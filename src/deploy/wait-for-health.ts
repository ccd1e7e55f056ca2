import { readFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";
import { RUN_MARK, type StartedRelease } from "./start-release.ts";
import { probe } from "#system/probe.ts";
import { portOwner } from "#system/port-owner.ts";
import { isAlive } from "#system/processes.ts";

export type HealthWait = { ok: true; afterMs: number } | { ok: false; reason: string; portLost: boolean };

/** Less than this is no time to answer in, in milliseconds. */
const LEAST_PROBE_MS = 100;

/**
 * Waits until a release answers 200, or is seen to have ended, or the time is up.
 * An answer counts only if it is the release's own: a port that was lost in a race may be answered by somebody else.
 */
export async function waitForHealth(
  release: StartedRelease,
  { healthPath, withinMs }: { healthPath: string; withinMs: number },
): Promise<HealthWait> {
  const startedAt = performance.now();
  const url = `http://127.0.0.1:${release.port}${healthPath}`;
  let last = "";
  for (let attempt = 0; ; attempt += 1) {
    const after = performance.now() - startedAt;
    const ended = release.ended() ?? (isAlive(release) ? undefined : await howItEnded(release));
    if (ended !== undefined) {
      const portLost = isStranger(release);
      return { ok: false, reason: `it ended (${ended}) after ${seconds(after)}, before it was healthy`, portLost };
    }
    // A last question with no time for an answer would only hide what the ones before were told.
    if (after >= withinMs - (last === "" ? 0 : LEAST_PROBE_MS)) {
      return {
        ok: false,
        reason: `it was not healthy within ${seconds(withinMs)}: ${last}`,
        portLost: isStranger(release),
      };
    }
    const result = await probe(url, { timeoutMs: Math.min(5_000, withinMs - after) });
    if (result.ok && isAlive(release) && !isStranger(release))
      return { ok: true, afterMs: performance.now() - startedAt };
    last = result.ok ? `port ${release.port} is answered by another program` : result.reason;
    // Most are up within 100 ms: ask often at first, then seldom.
    await pause(Math.min(25 * 1.3 ** attempt, 500));
  }
}

/** Its exit is seen in the process table a moment before we are told how. */
async function howItEnded(release: StartedRelease): Promise<string> {
  await pause(50);
  return release.ended() ?? "its process is gone";
}

/** True if it is known that the port is held by a process that is not of this release's session. */
function isStranger(release: StartedRelease): boolean {
  const owner = portOwner(release.port);
  return owner !== null && owner.pid !== release.pid && !sharesRun(owner.pid, release.run);
}

/** Not ours to look at, or just gone: then it is not known to be a stranger. */
function sharesRun(pid: number, run: string): boolean {
  try {
    return readFileSync(`/proc/${pid}/environ`, "latin1").split("\0").includes(`${RUN_MARK}=${run}`);
  } catch {
    return true;
  }
}

function seconds(milliseconds: number): string {
  return `${(milliseconds / 1000).toFixed(1)} s`;
}
