import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { decideRecovery, RECOVERY_POLICY, type HealthEvent, type RecoveryPolicy } from "#health/recovery.ts";
import { messageOf } from "#system/failure.ts";
import { bringBack, carryOut, settle, type Served } from "./carry-out-recovery.ts";
import type { DeployTools, ReleasedWith } from "./deploy-tools.ts";
import { productionItem, productionSettings } from "./production-settings.ts";
import { HISTORY_MS, recallHistory } from "./recall-history.ts";
import { reconcile } from "./reconcile.ts";
import { recordProbe } from "./record-probe.ts";
import { releaseAgain } from "./release-again.ts";
import { replacedHere, retireReplaced, type Replaced } from "./retire-replaced.ts";
import type { TargetStatus } from "./targets/target.ts";

export type Live = {
  id: string;
  item_id: string;
  version: string;
  target: string;
  /** Others than live ones are looked at when this process comes: whether they really are what is recorded. */
  state: "live" | "stopped" | "deploying";
  started_at: Date;
  detail: ReleasedWith;
  content_hash: string;
  round: number;
  previous: string | null;
};

export type Supervisor = { stop(): Promise<void>; /** One round now. */ round(): Promise<void> };

/** Of one service, so many events are remembered: at a probe a second, half an hour. */
const REMEMBERED = 2_000;

/**
 * Looks after the services whose live release is on this host: brings them back at start, probes them, and recovers
 * them: restart with back-off within a budget, rollback, repair ticket, in that order, each through door 3 and with its
 * reason. Of several processes on one host one does it. A service that takes long keeps no other waiting.
 */
export function superviseProduction(
  tools: DeployTools,
  { probeMs, policy = RECOVERY_POLICY }: { probeMs: () => number; policy?: RecoveryPolicy },
): Supervisor {
  const histories = new Map<string, HealthEvent[]>();
  /** The deployments that served when this process came; null before it has looked. */
  let foundServing: Set<string> | null = null;
  /** A step that was not allowed, or not possible just now, is tried again no sooner than this. */
  const notBefore = new Map<string, { at: number; waitMs: number }>();
  const turns = new Map<string, Promise<void>>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let beginning: Promise<void> = Promise.resolve();

  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(() => (beginning = begin().finally(schedule)), probeMs());
    timer.unref();
  };
  beginning = begin().finally(schedule);

  /** Gives each service its turn that is not still in the one before. */
  async function begin(): Promise<void> {
    try {
      if (!(await isOurs(tools))) return;
      const services = await liveHere(tools, { others: foundServing === null });
      foundServing ??= new Set(services.map(({ id }) => id));
      const turn = (key: string, itemId: string, work: () => Promise<unknown>) => {
        if (stopped || turns.has(key)) return;
        turns.set(
          key,
          oneTurn(itemId, work).finally(() => turns.delete(key)),
        );
      };
      for (const live of services) turn(live.item_id, live.item_id, () => lookAfter(live));
      for (const replaced of await replacedHere(tools)) turn(replaced.id, replaced.item_id, () => retire(replaced));
    } catch (error) {
      tools.log.warn({ err: error }, "the services could not be looked after this time");
    }
  }

  async function oneTurn(item: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
    } catch (error) {
      tools.log.warn({ err: error, item }, "a service could not be looked after this time");
    }
  }

  async function retire(replaced: Replaced): Promise<void> {
    if ((notBefore.get(replaced.id)?.at ?? 0) > performance.now()) return;
    try {
      await retireReplaced(tools, replaced);
      notBefore.delete(replaced.id);
      await tools.lookAgain(replaced.item_id);
    } catch (error) {
      notDone({ item_id: replaced.id }, error);
    }
  }

  async function lookAfter(live: Live): Promise<void> {
    const item = await productionItem(tools, live.item_id);
    const by = tools.servedBy(item.key, live.target, live.detail);
    if (!by) return;
    const service = { item, live, target: by.target, settings: await productionSettings(tools, item, by) };
    if (!histories.has(item.id)) histories.set(item.id, await recallHistory(tools, item.id));
    const status = await settled(service);
    const corrected = await reconcile(tools, service, status);
    if (corrected !== null) {
      // The next turn begins with what is true: it is brought back if it was to be, and has the history that it has.
      if (foundServing?.delete(live.id) && corrected.live !== null) foundServing.add(corrected.live);
      histories.delete(item.id);
      return tools.lookAgain(item.id);
    }
    if (live.state !== "live") return;
    const again = await releaseAgain(tools, service, status);
    // A lost release: a restart could only fail, and nobody is to be asked to mend what is just being put back.
    if (again && status.version === null && service.target.opensPort) return;
    if (foundServing?.delete(live.id) && (status.gone || status.stopped)) {
      await bringBack(tools, service, status).catch((error: unknown) => notDone(live, error));
      return probeIt(service, await service.target.status(service.settings));
    }
    return probeIt(service, status);
  }

  /** What was broken off in the middle is finished or undone, unless somebody is about to go on with it. */
  async function settled(service: Served): Promise<TargetStatus> {
    const { live, target, settings } = service;
    const status = await target.status(settings);
    if (status.brokenOff === null || mustWait(live)) return status;
    if (status.brokenOff === "deploy" && (await isToBeDeployed(tools, live.item_id))) return status;
    try {
      await settle(tools, service, status.brokenOff);
      return await target.status(settings);
    } catch (error) {
      notDone(live, error);
      return status;
    }
  }

  async function probeIt(service: Served, status: TargetStatus): Promise<void> {
    const { item, live } = service;
    if (status.stopped || stopped) return;
    const { healthy: ok, gone, reason } = status;
    const at = tools.clock.now();
    const history = remember(live, { type: "probe", at, version: live.version, ok, reason, gone });
    if (await recordProbe(tools, item, live.id, status, history, policy)) await tools.lookAgain(item.id);
    if (mustWait(live)) return;
    const { target, settings } = service;
    const owned = target.runsElsewhere !== true;
    // Whoever deploys it there may well have to end it first.
    if (!owned && (await isBeingDeployed(tools, item.id))) return;
    const can = target.can?.(settings) ?? { restart: true, rollback: true };
    const previous = can.rollback ? live.previous : null;
    const steps = can.restart ? policy : { ...policy, restarts: 0 };
    const decision = decideRecovery({ history, current: live.version, previous, owned }, steps, at);
    if (decision.do === "nothing" || decision.do === "wait") return;
    try {
      for (const event of await carryOut(tools, service, decision)) remember(live, event);
      notBefore.delete(item.id);
    } catch (error) {
      notDone(live, error);
    }
    await tools.lookAgain(item.id);
  }

  const mustWait = (live: Live): boolean => (notBefore.get(live.item_id)?.at ?? 0) > performance.now();

  function notDone(live: { item_id: string }, error: unknown): void {
    tools.log.warn({ item: live.item_id, reason: messageOf(error) }, "a recovery step was not done");
    const waitMs = Math.min((notBefore.get(live.item_id)?.waitMs ?? policy.backoffMs / 2) * 2, policy.backoffCapMs);
    notBefore.set(live.item_id, { at: performance.now() + waitMs, waitMs });
  }

  function remember(live: Live, event: HealthEvent): HealthEvent[] {
    const before = histories.get(live.item_id)!;
    const arrived = before.some((one) => arrivalOf(one) === live.version);
    const oldest = Math.max(tools.clock.now().getTime() - HISTORY_MS, before.at(-REMEMBERED)?.at.getTime() ?? 0);
    const history = [
      ...before.filter((one) => arrivalOf(one) !== null || one.at.getTime() > oldest),
      ...(arrived ? [] : [{ type: "released" as const, at: new Date(0), version: live.version }]),
      event,
    ];
    histories.set(live.item_id, history);
    return history;
  }

  return {
    async round() {
      await begin();
      await Promise.all(turns.values());
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await beginning;
      await Promise.all(turns.values());
    },
  };
}

/** The version that began to serve with this event. */
function arrivalOf(event: HealthEvent): string | null {
  if (event.type === "released") return event.version;
  return event.type === "rolled back" ? event.to : null;
}

/** True while there is a ticket by which Steward deploys it. */
async function isToBeDeployed({ database, tenantId }: DeployTools, itemId: string): Promise<boolean> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql`select 1 from ticket where item_id = ${itemId} and capability = 'deployer' and state in ('waiting', 'ready', 'claimed')`.execute(
      tx,
    ),
  );
  return rows.length > 0;
}

/** Of several processes of this host, the one that looks after its services: a server before a worker. */
async function isOurs({ database, tenantId, hostId, processId }: DeployTools): Promise<boolean> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ id: string }>`
      select id from process where host_id = ${hostId} and kind <> 'command' and ended_at is null and seen_at > now() - interval '5 seconds' order by kind, id limit 1`.execute(
      tx,
    ),
  );
  return rows[0]?.id === processId;
}

/** What serves on this host, each with the newest good release of the same target before it. */
async function liveHere({ database, tenantId, hostId }: DeployTools, { others }: { others: boolean }): Promise<Live[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<Live>`
      select d.id, d.item_id, d.version, d.target, d.state, d.started_at, d.detail, d.content_hash, d.round,
        (select version from deployment p where p.item_id = d.item_id and p.host_id = d.host_id and p.target = d.target and p.state = 'superseded' order by p.started_at desc limit 1) as previous
      from deployment d where d.host_id = ${hostId} and (d.state = 'live' or (${others} and (d.state = 'stopped' or
        (d.state = 'deploying' and not exists (select 1 from deployment o where o.item_id = d.item_id and o.state in ('live', 'stopped'))))))`.execute(
      tx,
    );
    return rows;
  });
}

async function isBeingDeployed({ database, tenantId }: DeployTools, itemId: string): Promise<boolean> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql`select 1 from ticket where item_id = ${itemId} and kind = 'deploy' and state = 'claimed' limit 1`.execute(tx),
  );
  return rows.length > 0;
}
