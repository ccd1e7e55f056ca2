import { endChange, readChange, type Change } from "./change.ts";
import { endFront, lastOrder, pointFront, readFront } from "./front/point-front.ts";
import {
  confirm,
  DEFAULT_HEALTH_PATH,
  livingRun,
  orderFor,
  parkFront,
  probePublic,
  publicUrl,
  retireOthers,
  type ChangeTools,
} from "./production.ts";
import { logTail } from "./log-tail.ts";
import { commitRelease, readManifest, readRecord } from "./releases.ts";
import { SickRelease } from "./sick-release.ts";
import { endRelease, readRunning, RUN_MARK, startRelease, type StartedRelease } from "./start-release.ts";
import type { DeployResult } from "./targets/target.ts";
import { waitForHealth } from "./wait-for-health.ts";
import { Failure } from "#system/failure.ts";
import { sweepMarked } from "#system/processes.ts";

/** Three losses of a free port in a row are not chance. */
const START_ATTEMPTS = 3;

/**
 * Puts the change's version in production while the old one goes on answering: start it on a private port, wait until
 * it is healthy, switch the front, check through the public port, and only then write it down and end the old one.
 * Each step can be taken again. Whatever fails before the writing down is undone, and the old release never stopped:
 * a sick release is a result that says so, anything else, such as a port that is in use, is thrown.
 */
export async function makeChange(tools: ChangeTools, change: Change): Promise<DeployResult> {
  const { folder, progress } = tools;
  const startedAt = performance.now();
  const before = await readRecord(folder);
  try {
    await progress("start", `Starting ${change.version} on a private port`);
    const release = await startHealthy(tools, change);
    await progress("switch", `Switching the public port ${tools.settings.publicPort} to ${change.version}`);
    await pointFront(folder.front, orderFor(tools, release));
    await progress("confirm", `Checking ${change.version} through the public port`);
    await confirm(tools, change.version);
    await progress("commit", `Writing down that ${change.version} is in production`);
    await commitRelease(folder, change, change.withdraws);
  } catch (error) {
    // What came after the writing down stays: then the change was made, and only its tidying is left.
    if ((await readRecord(folder))?.run === change.run) throw error;
    const tail = await undoChange(tools, change);
    if (!(error instanceof SickRelease)) throw error;
    return failure(tools, { reason: error.message, tail, startedAt });
  }
  await progress("retire", "Ending what served before, once its connections are done");
  await retireOthers(tools, change.run);
  await progress("end", "Done");
  await endChange(folder);
  return {
    ok: true,
    serving: change.version,
    before: before?.current ?? null,
    reason: `${change.version} is healthy in production`,
    logTail: [],
    url: publicUrl(tools.settings),
    seconds: secondsSince(startedAt),
  };
}

/** Finishes a change that was broken off if its release is the one that answers; undoes it if it is not. */
export async function settleChange(tools: ChangeTools): Promise<void> {
  const { folder, progress } = tools;
  const change = await readChange(folder);
  if (change === null) return;
  await progress("settle", `Settling a ${change.kind} of ${change.version} that was broken off`);
  const record = await readRecord(folder);
  if (record?.run !== change.run) {
    const release = await livingRun(folder, change.run);
    const switched = (await readFront(folder.front))?.target.run === change.run;
    if (release === null || !switched || !(await probePublic(tools, change.version)).ok) {
      await undoChange(tools, change);
      return;
    }
  }
  await commitRelease(folder, change, change.withdraws);
  await retireOthers(tools, change.run);
  await endChange(folder);
}

/** Back to how it was: the front to the old release, the new one ended. Returns the last lines that it wrote. */
export async function undoChange(tools: ChangeTools, change: Change): Promise<string[]> {
  const { folder, settings } = tools;
  let tail: string[] = [];
  try {
    await pointBack(tools, change);
  } finally {
    const release = (await readRunning(folder)).find(({ run }) => run === change.run);
    tail = release === undefined ? [] : await logTail(release.log, Object.values(settings.secrets ?? {}));
    if (release !== undefined) await endRelease(folder, release, { graceMs: tools.limits.graceMs });
    else await sweepMarked(RUN_MARK, change.run);
    await endChange(folder);
  }
  return tail;
}

async function pointBack(tools: ChangeTools, change: Change): Promise<void> {
  const { folder } = tools;
  if ((await lastOrder(folder.front))?.target.run !== change.run) return;
  const record = await readRecord(folder);
  if (record === null) return endFront(folder.front);
  const old = await livingRun(folder, record.run);
  if (old !== null) await pointFront(folder.front, orderFor(tools, old));
  else await parkFront(tools, record.current);
}

async function startHealthy(tools: ChangeTools, { run, version }: Change): Promise<StartedRelease> {
  const { folder, settings, limits, root, hostEnvironment } = tools;
  const manifest = await readManifest(folder, version);
  if (manifest === null) throw new Failure("not_found", `${folder.service} has no release ${version} on this machine`);
  const request = {
    run,
    version,
    start: manifest.start ?? undefined,
    env: settings.env ?? {},
    secrets: settings.secrets ?? {},
  };
  const healthPath = manifest.healthPath ?? DEFAULT_HEALTH_PATH;
  for (let attempt = 1; ; attempt += 1) {
    const release = await startRelease(root, folder, request, { hostEnvironment });
    const health = await waitForHealth(release, { healthPath, withinMs: limits.healthMs });
    if (health.ok) return release;
    if (!health.portLost || attempt === START_ATTEMPTS) {
      throw new SickRelease("unavailable", `${folder.service} ${version} did not come up: ${health.reason}`);
    }
    await endRelease(folder, release, { graceMs: 0 });
  }
}

async function failure(
  tools: ChangeTools,
  seen: { reason: string; tail: string[]; startedAt: number },
): Promise<DeployResult> {
  const { folder, settings } = tools;
  const record = await readRecord(folder);
  const serving =
    record !== null && !record.stopped && (await livingRun(folder, record.run)) !== null ? record.current : null;
  return {
    ok: false,
    serving,
    before: record?.current ?? null,
    reason: `${seen.reason}. ${serving === null ? "Nothing is in production" : `${serving} goes on serving`}`,
    logTail: seen.tail,
    url: serving === null ? null : publicUrl(settings),
    seconds: secondsSince(seen.startedAt),
  };
}

export function secondsSince(startedAt: number): number {
  return Math.round(performance.now() - startedAt) / 1000;
}
