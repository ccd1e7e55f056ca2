import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasErrorCode } from "#system/failure.ts";
import { endGroup, isAlive, ownIdentity, sweepMarked } from "#system/processes.ts";
import { readRun, recordPath } from "./read-run.ts";
import type { RunRecord, RunSpec } from "./run-spec.ts";
import { waitForEnd, type EndedRun } from "./wait-for-end.ts";

/** Beyond its agent's grace, a runner that was asked to stop needs at most this long to sweep and write its result. */
const RUNNER_MARGIN_MS = 8_000;

/** Together a second: an exec takes a few milliseconds, on a machine that is very busy some hundred. */
const EXEC_LOOKS = 5;
const EXEC_LOOK_MS = 200;

/** As in runner.mjs. */
const STOP_GRACE_MS = 500;

/**
 * Ends a run, whoever started it and whatever is left of it, and returns when nothing of it runs. A living runner is
 * asked, and writes a result; one that does not answer is killed. Where the runner is dead, its agent's group is ended
 * and its marker swept. A run that was not started cannot start any more: its fence is taken. May be called again.
 */
export async function endRun(
  folder: string,
  fence: number,
  { runnerMs = RUNNER_MARGIN_MS }: { runnerMs?: number } = {},
): Promise<EndedRun> {
  await takeFence(folder, fence);
  const spec = await readSpec(folder);
  let run = await readRun(folder, fence);
  if (run.state === "running") {
    await stopRunner(folder, run.record, graceOf(spec) + runnerMs);
    run = await readRun(folder, fence);
  }
  if (run.state === "ended") return run;
  const record = run.state === "not_started" ? null : run.record;
  await endWhatIsLeft(record, spec);
  return { state: "dead", record };
}

/** So that a runner that is only just starting finds it taken. Does nothing to a run that has started. */
async function takeFence(folder: string, fence: number): Promise<void> {
  const now = new Date().toISOString();
  const nobody = { fence, ...ownIdentity(), pid: 0, startedAt: now };
  try {
    await writeFile(recordPath(folder, fence), JSON.stringify(nobody), { flag: "wx" });
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST", "ENOENT")) throw error;
  }
}

async function stopRunner(folder: string, record: RunRecord, withinMs: number): Promise<void> {
  signal(record, "SIGTERM");
  try {
    await waitForEnd(folder, record.fence, { signal: AbortSignal.timeout(withinMs), everyMs: 25 });
  } catch (error) {
    if (!(error instanceof Error && error.name === "TimeoutError")) throw error;
    signal(record, "SIGKILL");
  }
}

function graceOf(spec: RunSpec | null): number {
  return Math.max(spec?.clocks.graceMs ?? 0, spec?.clocks.stopGraceMs ?? 0);
}

async function endWhatIsLeft(record: RunRecord | null, spec: RunSpec | null): Promise<void> {
  const graceMs = spec?.clocks.stopGraceMs ?? Math.min(spec?.clocks.graceMs ?? 0, STOP_GRACE_MS);
  const agent = record?.agent;
  // Its number alone proves nothing: by now the group may be somebody else's. The sweep finds the members of one whose
  // leader has gone.
  if (agent && isAlive({ ...agent, bootId: record.bootId })) await endGroup(agent.pid, { graceMs });
  if (!spec) return;
  await sweepMarked(spec.marker.name, spec.marker.value, { graceMs });
  if (record === null || agent) return;
  // Its runner died while it started it: in the middle of its exec a process shows no environment, and no marker.
  for (let look = 0; look < EXEC_LOOKS; look++) {
    await pause(EXEC_LOOK_MS);
    await sweepMarked(spec.marker.name, spec.marker.value, { graceMs });
  }
}

function signal(record: RunRecord, name: "SIGTERM" | "SIGKILL"): void {
  if (!isAlive(record)) return;
  try {
    process.kill(record.pid, name);
  } catch (error) {
    if (!hasErrorCode(error, "ESRCH")) throw error;
  }
}

/** Null if there is none, or it is cut short: then nothing was started from it. */
async function readSpec(folder: string): Promise<RunSpec | null> {
  try {
    return JSON.parse(await readFile(join(folder, "spec.json"), "utf8")) as RunSpec;
  } catch (error) {
    if (error instanceof SyntaxError || hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}
