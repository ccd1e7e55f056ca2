import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import type { ProductionItem } from "#deploy/production-settings.ts";
import { DEFAULT_HEALTH_PATH } from "#deploy/production.ts";
import { askHealth } from "#proof/gates/health.ts";
import { reachOf, type Reach } from "#proof/reach.ts";
import { defaultGateSettings } from "#proof/gate.ts";
import { Failure } from "#system/failure.ts";
import { portOwner } from "#system/port-owner.ts";
import { bootId, isAlive, startTimeOf, type ProcessIdentity } from "#system/processes.ts";
import { markOf } from "./mark-of.ts";
import type { Claim } from "./read-claim.ts";

/** What serves before this, as it is recorded. */
export type Before = {
  id: string;
  version: string;
  target: string;
  state: "live" | "stopped";
  content_hash: string;
  port: number | null;
  /** Of what a hired agent deployed. */
  detail: { url?: string; listener?: ProcessIdentity | null; stop?: string | null; rollback?: string | null };
};

export type Proved = {
  /** False: it answers there, and is not well. */
  ok: boolean;
  reason: string;
  url: string;
  /** Of this machine; null: it is elsewhere. */
  port: number | null;
  /** Who listens there, as far as that can be seen. */
  listener: ProcessIdentity | null;
  durationMs: number;
};

/**
 * Whether what a hired agent says is true: the service answers where it says so, which is a place that may be asked and
 * its own, it is healthy, and it is the version that was to be deployed as far as that can be seen. Throws a Failure
 * where the claim does not hold; an answer that is not well is a finding.
 */
export async function proveClaim(
  tools: DeployTools,
  {
    item,
    claim,
    contentHash,
    before,
    signal,
  }: { item: ProductionItem; claim: Claim; contentHash: string; before: Before | null; signal: AbortSignal },
): Promise<Proved> {
  const reach = reachOf(claim.url, tools.deployHosts());
  await refuseTaken(tools, item, reach, before);
  const { healthPath = DEFAULT_HEALTH_PATH } = item.control.settings;
  const mark = markOf(contentHash);
  const withinMs = defaultGateSettings.healthTimeoutMs;
  const { lookup } = reach;
  const found = await askHealth({ url: `${reach.url}${healthPath}`, withinMs, signal, lookup, mark });
  signal.throwIfAborted();
  const { durationMs, health } = found.facts;
  const reason = found.reasons.join("; ");
  const status = health?.status ?? null;
  if (!found.ok && status === null)
    throw new Failure("unreachable", `it says that ${item.key} answers at ${reach.url}, and it does not: ${reason}`);
  const listener = reach.onThisMachine ? listenerOn(reach.port) : null;
  const seen = { url: reach.url, port: reach.onThisMachine ? reach.port : null, listener, durationMs };
  if (!found.ok) return { ok: false, reason, ...seen };
  if (health?.marked === true) return { ok: true, reason: `${reason}, and names this version (${mark})`, ...seen };
  if (before === null || before.content_hash === contentHash) return { ok: true, reason, ...seen };
  if (isSame(listener, before.detail.listener ?? null))
    throw new Failure(
      "conflict",
      `${reach.url} is still answered by the process that served ${before.version} (${listener?.pid}): nothing shows the new version. ` +
        `Start it anew, or have its health answer name ${mark}`,
    );
  const unseen = listener === null || !before.detail.listener;
  return { ok: true, reason: unseen ? `${reason}; which version answers cannot be seen` : reason, ...seen };
}

/** A place on this machine belongs to one service, and what the owner says of it holds. */
async function refuseTaken(
  { database, tenantId, hostId }: DeployTools,
  item: ProductionItem,
  { onThisMachine, port, url }: Reach,
  before: Before | null,
): Promise<void> {
  if (!onThisMachine) return;
  const stated = item.control.settings.port;
  if (stated !== undefined && stated !== port)
    throw new Failure("invalid", `it says that ${item.key} answers at ${url}, and its settings say port ${stated}`);
  if (before?.target === "process" && before.state === "live" && before.port === port)
    throw new Failure(
      "conflict",
      `port ${port} is held by Steward's own release ${before.version}: \`steward stop ${item.key} --production\` frees it`,
    );
  const listener = listenerOn(port);
  const taken = await inTenant(database.app, tenantId, (tx) => whoHas(tx, { port, itemId: item.id, hostId, listener }));
  if (taken !== null) throw new Failure("conflict", `port ${port} is ${taken}'s, not ${item.key}'s`);
}

async function whoHas(
  tx: Tx,
  {
    port,
    itemId,
    hostId,
    listener,
  }: { port: number; itemId: string; hostId: string; listener: ProcessIdentity | null },
): Promise<string | null> {
  const { rows: others } = await sql<{ key: string }>`
    select key from item where port = ${port} and id <> ${itemId} and gone_at is null limit 1`.execute(tx);
  if (others[0]) return others[0].key;
  const { rows: own } = await sql`
    select 1 from process where host_id = ${hostId} and pid = ${listener?.pid ?? 0} and ended_at is null`.execute(tx);
  return own.length > 0 ? "Steward" : null;
}

function listenerOn(port: number): ProcessIdentity | null {
  const pid = portOwner(port)?.pid;
  const startTime = pid === undefined ? null : startTimeOf(pid);
  return pid === undefined || startTime === null ? null : { pid, startTime, bootId: bootId() };
}

function isSame(now: ProcessIdentity | null, then: ProcessIdentity | null): boolean {
  return now !== null && then !== null && now.pid === then.pid && now.startTime === then.startTime && isAlive(then);
}
