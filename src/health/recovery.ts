import { count } from "#system/count.ts";

/** What happened to a service in production, oldest first. Times are when it happened. */
export type HealthEvent =
  | { type: "probe"; at: Date; version: string; ok: boolean; reason: string; gone?: boolean }
  | { type: "released"; at: Date; version: string }
  | { type: "restarted"; at: Date; version: string }
  | { type: "rolled back"; at: Date; from: string; to: string }
  | { type: "repair asked"; at: Date; version: string };

export type RecoveryPolicy = {
  /** So many failed probes in a row are an outage: one can be chance, waiting longer is downtime. */
  failedProbes: number;
  restarts: number;
  restartWindowMs: number;
  /** Between restart n and n + 1: this × 2^(n-1). */
  backoffMs: number;
  backoffCapMs: number;
  /** A release that was just started may take this long to answer before its failed probes count. */
  startupMs: number;
  /** A service that comes and goes gets one ticket in this time, not one each time. */
  repairAgainMs: number;
};

export const RECOVERY_POLICY: RecoveryPolicy = {
  failedProbes: 3,
  restarts: 3,
  restartWindowMs: 10 * 60_000,
  backoffMs: 5_000,
  backoffCapMs: 2 * 60_000,
  startupMs: 10_000,
  repairAgainMs: 24 * 60 * 60_000,
};

export type RecoveryDecision =
  | { do: "nothing"; reason: string }
  /** Asked again at `until` at the latest. */
  | { do: "wait"; until: Date; reason: string }
  | { do: "restart"; reason: string }
  | { do: "rollback"; to: string; reason: string }
  /** A ticket for a fixer, and a word to the owner. */
  | { do: "repair"; reason: string };

/**
 * What to do about a service's health: restart within a budget, then go back to the last good release, then ask for a
 * repair; each once it is clear that the step before does not help. Pure: the same history gives the same answer.
 * `previous` is the release to go back to, if there is one. What is not `owned` was put where it runs by somebody else:
 * there is nothing to do for it but to ask for a repair, once an outage.
 */
export function decideRecovery(
  {
    history,
    current,
    previous,
    owned = true,
  }: { history: readonly HealthEvent[]; current: string; previous: string | null; owned?: boolean },
  policy: RecoveryPolicy,
  now: Date,
): RecoveryDecision {
  const outage = outageOf(history, current, policy, now);
  if (outage.decision !== null) return outage.decision;
  if (!owned) {
    const asked = history.findLastIndex((event) => event.type === "repair asked" && event.version === current);
    const well = history.findLastIndex((event) => event.type === "probe" && event.version === current && event.ok);
    if (asked > well)
      return { do: "nothing", reason: `${outage.reason}; a repair of ${current} was asked for already` };
    return {
      do: "repair",
      reason: `${outage.reason}; it does not run in Steward's hands, so whoever deployed it is asked`,
    };
  }

  const restarts = recentRestarts(history, current, policy, now);
  const last = restarts.at(-1);
  if (restarts.length < policy.restarts) {
    const wait = last === undefined ? 0 : Math.min(policy.backoffMs * 2 ** (restarts.length - 1), policy.backoffCapMs);
    const until = new Date((last?.at.getTime() ?? 0) + wait);
    if (until > now) {
      const reason = `${outage.reason}; restart ${restarts.length + 1} of ${policy.restarts} follows ${span(wait)} after the last`;
      return { do: "wait", until, reason };
    }
    return {
      do: "restart",
      reason: `${outage.reason}; restart ${restarts.length + 1} of ${policy.restarts} in ${span(policy.restartWindowMs)}`,
    };
  }

  const spent =
    policy.restarts === 0
      ? outage.reason
      : `${outage.reason}; ${policy.restarts} restarts in ${span(policy.restartWindowMs)} did not help`;
  const leftBefore = history.some((event) => event.type === "rolled back" && event.from === current);
  const leftPrevious = history.some((event) => event.type === "rolled back" && event.from === previous);
  if (previous !== null && !leftBefore && !leftPrevious) {
    return { do: "rollback", to: previous, reason: `${spent}; going back to ${previous}` };
  }
  if (wasAsked(history, current, policy, now)) {
    return { do: "nothing", reason: `${spent}; a repair of ${current} was asked for already` };
  }
  const why =
    previous === null
      ? "there is no earlier good release"
      : `going back from ${leftBefore ? current : previous} was tried before`;
  return { do: "repair", reason: `${spent}; ${why}` };
}

/** Whether it is an outage at all: the failed probes since it last was well, started or was restarted. */
function outageOf(
  history: readonly HealthEvent[],
  current: string,
  policy: RecoveryPolicy,
  now: Date,
): { decision: RecoveryDecision | null; reason: string } {
  const nothing = (reason: string) => ({ decision: { do: "nothing", reason } as const, reason });
  const since = history.slice(lastStart(history, current) + 1);
  const probes = since.filter((event) => event.type === "probe" && event.version === current);
  const failed = probes.slice(probes.findLastIndex((event) => event.type === "probe" && event.ok) + 1);
  const latest = failed.at(-1);
  if (latest?.type !== "probe")
    return nothing(probes.length === 0 ? `${current} was not probed yet` : `${current} is healthy`);
  if (latest.gone === true) return { decision: null, reason: `${current} is down: ${latest.reason}` };

  const start = history[lastStart(history, current)];
  const ready = new Date((start?.at.getTime() ?? 0) + policy.startupMs);
  if (failed.length === probes.length && ready > now) {
    const reason = `${current} was just started and has ${span(policy.startupMs)} to answer: ${latest.reason}`;
    return { decision: { do: "wait", until: ready, reason }, reason };
  }
  if (failed.length < policy.failedProbes) {
    return nothing(`${current} failed ${failed.length} of ${policy.failedProbes} probes in a row: ${latest.reason}`);
  }
  return { decision: null, reason: `${current} failed ${count(failed.length, "probe")} in a row: ${latest.reason}` };
}

/** Where the present life of this version began: -1 if before the history. */
function lastStart(history: readonly HealthEvent[], current: string): number {
  return history.findLastIndex(
    (event) =>
      ((event.type === "restarted" || event.type === "released") && event.version === current) ||
      (event.type === "rolled back" && event.to === current),
  );
}

/** Of this version, since it was put in production: a new release has a budget of its own. */
function recentRestarts(history: readonly HealthEvent[], current: string, policy: RecoveryPolicy, now: Date) {
  const arrived = history.findLastIndex((event) => arrival(event) === current);
  const from = now.getTime() - policy.restartWindowMs;
  return history
    .slice(arrived + 1)
    .filter((event) => event.type === "restarted" && event.version === current && event.at.getTime() > from);
}

function wasAsked(history: readonly HealthEvent[], current: string, policy: RecoveryPolicy, now: Date): boolean {
  const arrived = history.findLastIndex((event) => arrival(event) === current);
  const from = now.getTime() - policy.repairAgainMs;
  return history
    .slice(arrived + 1)
    .some((event) => event.type === "repair asked" && event.version === current && event.at.getTime() > from);
}

function arrival(event: HealthEvent): string | null {
  if (event.type === "released") return event.version;
  return event.type === "rolled back" ? event.to : null;
}

function span(milliseconds: number): string {
  if (milliseconds < 60_000) return `${Math.round(milliseconds / 1000)} s`;
  return `${Math.round(milliseconds / 60_000)} min`;
}
