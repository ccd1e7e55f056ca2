import { join } from "node:path";
import { beginChange, brokenOffChange, readChange, whileAlone, type Change } from "#deploy/change.ts";
import { cutRelease } from "#deploy/cut-release.ts";
import { endFront, pointFront, readFront } from "#deploy/front/point-front.ts";
import { installEnvironment } from "#deploy/install-dependencies.ts";
import { logTail } from "#deploy/log-tail.ts";
import { makeChange, secondsSince, settleChange, undoChange } from "#deploy/make-change.ts";
import {
  livingRun,
  orderFor,
  parkFront,
  probePublic,
  publicUrl,
  type ChangeLimits,
  type ChangeTools,
} from "#deploy/production.ts";
import {
  markStopped,
  pointCurrent,
  previousRelease,
  pruneReleases,
  readManifest,
  readRecord,
} from "#deploy/releases.ts";
import { checkVersion, serviceFolder } from "#deploy/service-folder.ts";
import { endRelease, readRunning, RUN_MARK } from "#deploy/start-release.ts";
import type { DeployResult, DeployTarget, Progress, ServiceSettings } from "#deploy/targets/target.ts";
import { Failure } from "#system/failure.ts";

export const PROCESS_LIMITS: ChangeLimits = {
  healthMs: 30_000,
  confirmations: 3,
  confirmEveryMs: 150,
  drainMs: 10_000,
  quietMs: 2_000,
  graceMs: 5_000,
  retryMs: 3_000,
  logBytes: 10 * 1024 * 1024,
  logFiles: 3,
  logLookMs: 2_000,
};

/**
 * Releases as processes of this machine behind a front of their own. All it knows is on disk below `root`, so that any
 * Steward, also one started after a crash or a restart of the machine, sees the same and can go on.
 */
export function processTarget({
  root,
  hostEnvironment,
  keep = 5,
  limits = {},
}: {
  root: string;
  hostEnvironment: Record<string, string | undefined>;
  /** Releases that are kept. */
  keep?: number;
  limits?: Partial<ChangeLimits>;
}): DeployTarget {
  const toolsFor = (settings: ServiceSettings, progress: Progress): ChangeTools => ({
    root,
    folder: serviceFolder(root, settings.service),
    settings,
    progress,
    hostEnvironment,
    limits: { ...PROCESS_LIMITS, ...limits },
  });

  return {
    kind: "process",
    opensPort: true,

    async deploy({ settings, ...request }, progress) {
      const tools = toolsFor(settings, progress);
      const { folder } = tools;
      const startedAt = performance.now();
      checkVersion(request.version);
      return whileAlone(folder, "deploy", async () => {
        await settleUnless(tools, "deploy", request.version);
        if ((await readChange(folder)) === null && (await serves(tools, request.version, request.contentHash))) {
          return unchanged(settings, {
            serving: request.version,
            reason: `${request.version} is in production already`,
            startedAt,
          });
        }
        const change = await beginChange(folder, "deploy", request.version);
        await progress("cut", `Copying what was proved to release ${request.version}`);
        try {
          const environment = { ...installEnvironment(hostEnvironment), [RUN_MARK]: change.run };
          const { start, healthPath } = settings;
          await cutRelease(folder, { ...request, start, healthPath }, { environment });
        } catch (error) {
          await undoChange(tools, change);
          throw error;
        }
        const result = await makeChange(tools, change);
        await pruneReleases(folder, settings.keep ?? keep, result.ok ? [] : [request.version]);
        return result;
      });
    },

    async rollback({ settings, toVersion, from, because, unlessStopped = false }, progress) {
      const tools = toolsFor(settings, progress);
      const { folder } = tools;
      const startedAt = performance.now();
      return whileAlone(folder, "rollback", async () => {
        await settleUnless(tools, "rollback", toVersion);
        const record = await released(tools);
        if (unlessStopped && record.stopped) return staysDown(settings, startedAt);
        if (from !== undefined && record.current !== from) throw overtaken(settings, from, record.current);
        const unfinished = await readChange(folder);
        const version = toVersion ?? unfinished?.version ?? (await previousRelease(folder));
        if (version === null) {
          throw new Failure("not_found", `${settings.service} has no earlier good release to go back to`);
        }
        if ((await readManifest(folder, version)) === null) {
          throw new Failure("not_found", `${settings.service} has no release ${version} on this machine`);
        }
        const withdraws = record.current === version ? null : { version: record.current, reason: because };
        return makeChange(tools, await beginChange(folder, "rollback", version, withdraws));
      });
    },

    async restart(settings, progress) {
      const tools = toolsFor(settings, progress);
      const startedAt = performance.now();
      return whileAlone(tools.folder, "restart", async () => {
        await settleUnless(tools, "restart");
        if ((await released(tools)).stopped) return staysDown(settings, startedAt);
        return bringUp(tools, "restart");
      });
    },

    async recover(settings, progress) {
      const tools = toolsFor(settings, progress);
      const { folder } = tools;
      const startedAt = performance.now();
      return whileAlone(folder, "recovery", async () => {
        await settleChange(tools);
        const record = await readRecord(folder);
        const nothing = (reason: string, serving: string | null) => unchanged(settings, { reason, serving, startedAt });
        if (record === null) return nothing(`${settings.service} was never released`, null);
        if (record.stopped && !record.comesBack) return staysDown(settings, startedAt);
        await pointCurrent(folder, record.current);
        const release = await livingRun(folder, record.run);
        if (release === null) return bringUp(tools, "recover");
        const front = await readFront(folder.front);
        if (front?.target.run === record.run) return nothing(`${record.current} is up`, record.current);
        await progress("front", "Starting the front");
        await pointFront(folder.front, orderFor(tools, release));
        return nothing(`${record.current} was up, its front was not: it is again`, record.current);
      });
    },

    async status(settings) {
      const tools = toolsFor(settings, () => {});
      const { folder } = tools;
      const record = await readRecord(folder);
      const brokenOff = (await brokenOffChange(folder))?.kind ?? null;
      const none = { version: null, contentHash: null, healthy: false, latencyMs: null, url: null, brokenOff };
      if (record === null) return { ...none, stopped: false, gone: false, reason: "It was never released" };
      const contentHash = (await readManifest(folder, record.current))?.contentHash ?? null;
      const seen = { version: record.current, contentHash, url: publicUrl(settings), brokenOff };
      if (record.stopped) {
        const stopped = record.comesBack ? ("until recovered" as const) : ("for good" as const);
        return { ...none, ...seen, stopped, gone: false, reason: "It was stopped on purpose" };
      }
      const gone = { ...none, ...seen, stopped: false, gone: true } as const;
      if ((await livingRun(folder, record.run)) === null)
        return { ...gone, reason: `Its process (${record.current}) is gone` };
      if ((await readFront(folder.front)) === null) return { ...gone, reason: "Its front is gone" };
      const { ok, reason, latencyMs } = await probePublic(tools, record.current);
      return { ...seen, healthy: ok, stopped: false, gone: false, reason, latencyMs };
    },

    async lastLines({ service, secrets = {} }, version) {
      return logTail(join(serviceFolder(root, service).logs, `${checkVersion(version)}.log`), Object.values(secrets));
    },

    async stop(settings, { forGood, only }) {
      const tools = toolsFor(settings, () => {});
      const {
        folder,
        limits: { graceMs },
      } = tools;
      await whileAlone(folder, "stop", async () => {
        const current = (await readRecord(folder))?.current;
        if (only !== undefined && current !== only) throw overtaken(settings, only, current ?? "nothing");
        const change = await readChange(folder);
        await markStopped(folder, { forGood });
        await endFront(folder.front);
        if (change !== null) await undoChange(tools, change);
        await Promise.all((await readRunning(folder)).map((release) => endRelease(folder, release, { graceMs })));
        await endFront(folder.front);
      });
    },
  };
}

/** A change that was broken off and is now asked for again is gone on with; any other is settled first. */
async function settleUnless(tools: ChangeTools, kind: Change["kind"], version?: string): Promise<void> {
  const change = await readChange(tools.folder);
  if (change?.kind === kind && (version === undefined || change.version === version)) return;
  await settleChange(tools);
}

/** True if this very release is what answers: then there is nothing to deploy. */
async function serves(tools: ChangeTools, version: string, contentHash: string): Promise<boolean> {
  const { folder } = tools;
  const record = await readRecord(folder);
  if (record?.current !== version || record.stopped) return false;
  if ((await readManifest(folder, version))?.contentHash !== contentHash) return false;
  if ((await livingRun(folder, record.run)) === null) return false;
  return (await readFront(folder.front))?.target.run === record.run && (await probePublic(tools, version)).ok;
}

function unchanged(
  settings: ServiceSettings,
  { serving, reason, startedAt }: { serving: string | null; reason: string; startedAt: number },
): DeployResult {
  const url = serving === null ? null : publicUrl(settings);
  return { ok: true, serving, before: serving, reason, logTail: [], url, seconds: secondsSince(startedAt) };
}

/** Another change came between the decision and this. */
function overtaken({ service }: ServiceSettings, from: string, current: string): Failure {
  return new Failure("conflict", `${service} ${from} is not in production any more, ${current} is: look at it again`);
}

/** Its owner's word, which may have come while this was decided. */
function staysDown(settings: ServiceSettings, startedAt: number): DeployResult {
  return unchanged(settings, { reason: `${settings.service} was stopped on purpose`, serving: null, startedAt });
}

async function released({ folder }: ChangeTools) {
  const record = await readRecord(folder);
  if (record === null) throw new Failure("not_found", `${folder.service} was never released: deploy it first`);
  return record;
}

/** Starts what is current anew. If it is down, connections wait at the front meanwhile instead of being refused. */
async function bringUp(tools: ChangeTools, kind: "restart" | "recover"): Promise<DeployResult> {
  const { folder, progress } = tools;
  const { current, run } = await released(tools);
  const change = await beginChange(folder, kind, current);
  if ((await livingRun(folder, run)) === null) {
    await progress("park", "Letting connections wait for the release");
    await parkFront(tools, current);
  }
  return makeChange(tools, change);
}
