// What is in production, seen and turned through its front.
import { setTimeout as pause } from "node:timers/promises";
import { pointFront, readFront, type FrontOrder, type FrontTarget } from "./front/point-front.ts";
import { readManifest } from "./releases.ts";
import type { ServiceFolder } from "./service-folder.ts";
import { SickRelease } from "./sick-release.ts";
import { endRelease, readRunning, type RunningRelease } from "./start-release.ts";
import type { Progress, ServiceSettings } from "./targets/target.ts";
import { Failure } from "#system/failure.ts";
import { probe, type ProbeResult } from "#system/probe.ts";
import { isAlive } from "#system/processes.ts";

/** What all steps of a change need. */
export type ChangeTools = {
  root: string;
  folder: ServiceFolder;
  settings: ServiceSettings;
  progress: Progress;
  hostEnvironment: Record<string, string | undefined>;
  limits: ChangeLimits;
};

export type ChangeLimits = {
  /** How long a new release may take until it answers 200. */
  healthMs: number;
  /** After the switch the public port must answer 200 this many times, this far apart, before the old one goes. */
  confirmations: number;
  confirmEveryMs: number;
  /** Connections of the old release may go on this long. */
  drainMs: number;
  /** Of them, those that moved nothing for this long, and wait for no answer, are not waited for. */
  quietMs: number;
  /** From SIGTERM to SIGKILL. */
  graceMs: number;
  /** A connection to a release that is down waits this long for it. */
  retryMs: number;
  logBytes: number;
  logFiles: number;
  logLookMs: number;
};

export const DEFAULT_HEALTH_PATH = "/health";

export function orderFor({ folder, settings, limits }: ChangeTools, target: FrontTarget): FrontOrder {
  const { run, version, port } = target;
  return {
    host: settings.host ?? "127.0.0.1",
    publicPort: portOf(settings),
    target: { run, version, port },
    retryMs: limits.retryMs,
    quietMs: limits.quietMs,
    logs: { folder: folder.logs, maxBytes: limits.logBytes, keep: limits.logFiles, lookMs: limits.logLookMs },
  };
}

/** Connections wait for the next release. Told nothing, the front would knock at a port that may be a stranger's now. */
export async function parkFront(tools: ChangeTools, version: string): Promise<void> {
  await pointFront(tools.folder.front, orderFor(tools, { run: "", version, port: 0 }));
}

/** Throws a SickRelease with the first bad answer. */
export async function confirm(tools: ChangeTools, version: string): Promise<void> {
  const { confirmations, confirmEveryMs } = tools.limits;
  for (let check = 1; check <= confirmations; check += 1) {
    if (check > 1) await pause(confirmEveryMs);
    const result = await probePublic(tools, version);
    if (!result.ok) {
      throw new SickRelease("unavailable", `${tools.folder.service} ${version} failed in production: ${result.reason}`);
    }
  }
}

export async function probePublic({ folder, settings }: ChangeTools, version: string): Promise<ProbeResult> {
  const manifest = await readManifest(folder, version);
  return probe(`${publicUrl(settings)}${manifest?.healthPath ?? DEFAULT_HEALTH_PATH}`);
}

/** As this machine reaches it: a port that is open on all addresses is asked on the loopback one. */
export function publicUrl(settings: ServiceSettings): string {
  const { host = "127.0.0.1" } = settings;
  const reached = host === "0.0.0.0" || host === "::" ? "127.0.0.1" : host;
  return `http://${reached.includes(":") ? `[${reached}]` : reached}:${portOf(settings)}`;
}

function portOf({ service, publicPort }: ServiceSettings): number {
  if (publicPort !== null) return publicPort;
  throw new Failure("invalid", `${service} has no port: give it one, \`port:\` in its spec's front matter`);
}

export async function livingRun(folder: ServiceFolder, run: string): Promise<RunningRelease | null> {
  return (await readRunning(folder)).find((release) => release.run === run && isAlive(release)) ?? null;
}

/** Ends every release but this one, each as soon as its connections are done or their time is up. */
export async function retireOthers({ folder, limits }: ChangeTools, keepRun: string): Promise<void> {
  const others = (await readRunning(folder)).filter(({ run }) => run !== keepRun);
  await Promise.all(
    others.map(async (release) => {
      if (isAlive(release)) await drained(folder, release, limits.drainMs);
      await endRelease(folder, release, { graceMs: limits.graceMs });
    }),
  );
}

async function drained(folder: ServiceFolder, { run }: RunningRelease, withinMs: number): Promise<void> {
  const until = performance.now() + withinMs;
  while (performance.now() < until) {
    const front = await readFront(folder.front);
    if (!front?.draining.some((entry) => entry.run === run && entry.busy > 0)) return;
    await pause(25);
  }
}
