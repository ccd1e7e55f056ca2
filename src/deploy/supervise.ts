import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { act, type Adapter } from "#effects/act.ts";
import {
  decideRecovery,
  RECOVERY_POLICY,
  type HealthEvent,
  type RecoveryDecision,
  type RecoveryPolicy,
} from "#health/recovery.ts";
import { append } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { messageOf } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import type { Declared, DeployTools } from "./deploy-tools.ts";
import { productionItem, productionSettings, type ProductionItem } from "./production-settings.ts";
import type { DeployResult, ServiceSettings, TargetStatus } from "./targets/target.ts";

type Live = { id: string; item_id: string; version: string; previous: string | null };

export type Supervisor = { stop(): Promise<void>; /** One round now. */ round(): Promise<void> };

/** Of one service this much is remembered for the decision: more than a recovery looks back. */
const HISTORY_MS = 24 * 60 * 60_000;

/**
 * Looks after the services whose live release is on this host: brings them back at start, probes them, and recovers
 * them: restart with back-off within a budget, rollback, repair ticket, in that order, each through door 3 and with its
 * reason. Of several processes on one host one does it (a lock in the database).
 */
export function superviseProduction(
  tools: DeployTools,
  { probeMs, policy = RECOVERY_POLICY }: { probeMs: () => number; policy?: RecoveryPolicy },
): Supervisor {
  const histories = new Map<string, HealthEvent[]>();
  const broughtBack = new Set<string>();
  let stopped = false;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> = Promise.resolve();

  const schedule = () => {
    if (stopped) return;
    timer = setTimeout(() => (running = round().finally(schedule)), probeMs());
    timer.unref();
  };
  running = round().finally(schedule);

  async function round(): Promise<void> {
    try {
      const services = await liveHere(tools);
      await Promise.all(services.map((live) => oneInTurn(live)));
    } catch (error) {
      tools.log.warn({ err: error }, "the services could not be looked after this time");
    }
  }

  const busy = new Set<string>();
  async function oneInTurn(live: Live): Promise<void> {
    if (busy.has(live.item_id) || stopped) return;
    busy.add(live.item_id);
    try {
      await lookAfter(live);
    } catch (error) {
      tools.log.warn({ err: error, item: live.item_id }, "a service could not be looked after this time");
    } finally {
      busy.delete(live.item_id);
    }
  }

  async function lookAfter(live: Live): Promise<void> {
    const item = await productionItem(tools, live.item_id);
    const declared = tools.declared(item.key);
    if (!declared) return;
    const settings = await productionSettings(tools, item, declared);
    if (!broughtBack.has(live.id)) {
      broughtBack.add(live.id);
      await bringBack(item, live, declared, settings);
    }
    const status = await declared.target.status(settings);
    if (status.stopped || stopped) return;
    const history = remember(live, {
      type: "probe",
      at: tools.clock.now(),
      version: live.version,
      ok: status.healthy,
      reason: status.reason,
      gone: status.gone,
    });
    await recordProbe(tools, item, status, history, policy);
    const decision = decideRecovery(
      { history, current: live.version, previous: live.previous },
      policy,
      tools.clock.now(),
    );
    await carryOut(decision, item, live, declared, settings);
  }

  /** After a restart of Steward or of the machine: what was up is up again before it is probed. */
  async function bringBack(
    item: ProductionItem,
    live: Live,
    { target }: Declared,
    settings: ServiceSettings,
  ): Promise<void> {
    const status = await target.status(settings);
    if (status.healthy || status.stopped || !status.gone) return;
    await perform(item, live, "restart", `${status.reason}: brought back after a restart`, () =>
      target.recover(settings, () => {}),
    );
  }

  async function carryOut(
    decision: RecoveryDecision,
    item: ProductionItem,
    live: Live,
    { target }: Declared,
    settings: ServiceSettings,
  ): Promise<void> {
    if (decision.do === "restart") {
      await perform(item, live, "restart", decision.reason, () => target.restart(settings, () => {}));
    } else if (decision.do === "rollback") {
      const result = await perform(item, live, "rollback", decision.reason, () =>
        target.rollback({ settings, toVersion: decision.to, because: decision.reason }, () => {}),
      );
      if (result?.ok) await markRolledBack(tools, item, live.version, decision.to, decision.reason);
      remember(live, { type: "rolled back", at: tools.clock.now(), from: live.version, to: decision.to });
      await tools.lookAgain(item.id);
    } else if (decision.do === "repair") {
      remember(live, { type: "repair asked", at: tools.clock.now(), version: live.version });
      await noteStep(tools, item, "repair", decision.reason);
      await tools.lookAgain(item.id);
    }
  }

  async function perform(
    item: ProductionItem,
    live: Live,
    kind: "restart" | "rollback",
    reason: string,
    work: () => Promise<DeployResult>,
  ): Promise<DeployResult | undefined> {
    const adapter: Adapter = { kind, resumable: true, perform: async () => ({ result: await work() }) };
    const effect = {
      kind, key: `${kind} ${live.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
      payload: { service: item.key, version: live.version, reason }, allowedBy: { standing: "recovery of a declared deploy target" }, actor: "steward",
    }; // prettier-ignore
    try {
      if (kind === "restart") remember(live, { type: "restarted", at: tools.clock.now(), version: live.version });
      await noteStep(tools, item, kind, reason);
      const { result } = await act(tools, effect, adapter);
      const done = result as DeployResult;
      if (kind === "restart")
        await inTenant(tools.database.app, tools.tenantId, (tx) =>
          append(
            tx,
            { actor: "steward", at: tools.clock.now(), rule: "health.restart" },
            {
              type: "service.restarted",
              subject: item.id,
              key: item.key,
              version: live.version,
              reason: done.ok ? reason : `${reason}; it did not help: ${done.reason}`,
            },
          ),
        );
      return done;
    } catch (error) {
      tools.log.warn({ service: item.key, kind, reason: messageOf(error) }, "a recovery step was not done");
      return undefined;
    }
  }

  function remember(live: Live, event: HealthEvent): HealthEvent[] {
    const before = histories.get(live.item_id) ?? [
      { type: "released" as const, at: new Date(0), version: live.version },
    ];
    const known = before.some((one) => one.type === "released" && one.version === live.version);
    const oldest = tools.clock.now().getTime() - HISTORY_MS;
    const history = [
      ...before.filter((one) => one.type !== "probe" || one.at.getTime() > oldest).slice(-2_000),
      ...(known ? [] : [{ type: "released" as const, at: tools.clock.now(), version: live.version }]),
      event,
    ];
    histories.set(live.item_id, history);
    return history;
  }

  return {
    round,
    async stop() {
      stopped = true;
      clearTimeout(timer);
      await running;
    },
  };
}

/** Live releases of this host, each with the newest good one before it. Nothing, if another process looks after them. */
async function liveHere({ database, tenantId, hostId, processId }: DeployTools): Promise<Live[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<Live & { mine: boolean }>`
      select d.id, d.item_id, d.version,
        (select version from deployment p where p.item_id = d.item_id and p.host_id = d.host_id and p.state = 'superseded' order by p.started_at desc limit 1) as previous,
        ${processId}::uuid = (select id from process where host_id = ${hostId} and kind <> 'command' and ended_at is null and seen_at > now() - interval '5 seconds' order by kind, id limit 1) as mine
      from deployment d where d.host_id = ${hostId} and d.state = 'live'`.execute(tx);
    return rows.filter(({ mine }) => mine);
  });
}

async function recordProbe(
  { database, tenantId, clock }: DeployTools,
  item: ProductionItem,
  status: TargetStatus,
  history: HealthEvent[],
  policy: RecoveryPolicy,
): Promise<void> {
  const at = clock.now();
  const recent = history.filter((event) => event.type === "probe").slice(-policy.failedProbes);
  const sick =
    status.gone ||
    (recent.length >= policy.failedProbes && recent.every((event) => event.type === "probe" && !event.ok));
  const health = status.healthy ? "healthy" : sick ? "unhealthy" : null;
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`
      insert into uptime (item_id, tenant_id, hour, ok, failed) values (${item.id}, tenant_now(), date_trunc('hour', ${at}::timestamptz), ${status.healthy ? 1 : 0}, ${status.healthy ? 0 : 1})
      on conflict (item_id, hour) do update set ok = uptime.ok + excluded.ok, failed = uptime.failed + excluded.failed`.execute(
      tx,
    );
    if (health === null) return;
    const { rows } = await sql<{ health: string }>`select health from item where id = ${item.id} for no key update`.execute(
      tx,
    );
    const before = rows[0]?.health ?? "unknown";
    await sql`update item set health = ${health}, health_reason = ${status.healthy ? null : status.reason}, health_at = ${at} where id = ${item.id}`.execute(
      tx,
    );
    if (before === health) return;
    const events: Event[] = [
      {
        type: "service.health_changed",
        subject: item.id,
        key: item.key,
        from: before,
        to: health,
        reason: status.reason,
      },
    ];
    if (health === "unhealthy") events.push(...(await openIncident(tx, item, status.reason, at)));
    else events.push(...(await closeIncident(tx, item, at)));
    await append(tx, { actor: "steward", at, rule: "health.probe" }, ...events);
  });
}

async function openIncident(tx: Tx, item: ProductionItem, reason: string, at: Date): Promise<Event[]> {
  const id = uuidv7();
  const { rows } = await sql`
    insert into incident (id, tenant_id, item_id, reason, opened_at) values (${id}, tenant_now(), ${item.id}, ${reason}, ${at})
    on conflict (item_id) where closed_at is null do nothing returning 1`.execute(tx);
  return rows.length === 0 ? [] : [{ type: "incident.opened", subject: id, key: item.key, reason }];
}

async function closeIncident(tx: Tx, item: ProductionItem, at: Date): Promise<Event[]> {
  const { rows } = await sql<{ id: string; opened_at: Date }>`
    update incident set closed_at = ${at} where item_id = ${item.id} and closed_at is null returning id, opened_at`.execute(
    tx,
  );
  return rows.map(({ id, opened_at }) => ({
    type: "incident.closed",
    subject: id,
    key: item.key,
    seconds: Math.round((at.getTime() - opened_at.getTime()) / 1000),
  }));
}

async function noteStep(
  { database, tenantId, clock }: DeployTools,
  item: ProductionItem,
  did: string,
  reason: string,
): Promise<void> {
  const step = JSON.stringify([{ at: clock.now().toISOString(), did, reason }]);
  await inTenant(database.app, tenantId, (tx) =>
    sql`update incident set steps = steps || ${step}::jsonb where item_id = ${item.id} and closed_at is null`.execute(
      tx,
    ),
  );
}

/** The older release is the live one again. What is in the folder is not what serves: its content has a red verdict. */
export async function markRolledBack(
  { database, tenantId, clock }: DeployTools,
  item: ProductionItem,
  from: string,
  to: string,
  reason: string,
): Promise<void> {
  await inTenant(database.app, tenantId, async (tx) => {
    const at = clock.now();
    const { rows } = await sql<{ content_hash: string; round: number }>`
      update deployment set state = 'rolled_back', ended_at = ${at} where item_id = ${item.id} and version = ${from} and state in ('live', 'stopped') returning content_hash, round`.execute(
      tx,
    );
    await sql`update deployment set state = 'live', ended_at = null where item_id = ${item.id} and version = ${to}`.execute(
      tx,
    );
    const bad = rows[0];
    if (bad) {
      await tx.insertInto("verdict").values({
        id: uuidv7(), tenant_id: tenantId, item_id: item.id, gate: "health", round: bad.round, content_hash: bad.content_hash, settings_hash: "", ok: false,
        reasons: JSON.stringify([`release ${from} was taken back: ${reason}`]), facts: JSON.stringify({ kind: "unhealthy", durationMs: 0 }), at,
      }).execute(); // prettier-ignore
    }
    await append(
      tx,
      { actor: "steward", at, rule: "health.rollback" },
      { type: "service.rolled_back", subject: item.id, key: item.key, from, to, reason },
    );
  });
}
