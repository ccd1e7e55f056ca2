import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import type { HealthEvent, RecoveryPolicy } from "#health/recovery.ts";
import { append } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { uuidv7 } from "#system/ids.ts";
import type { DeployTools } from "./deploy-tools.ts";
import type { ProductionItem } from "./production-settings.ts";
import type { TargetStatus } from "./targets/target.ts";

/**
 * Counts a probe, and records a change of health with its incident: one bad probe is no outage, a process that is gone
 * is one at once. Of a release that serves no more, since it was asked, nothing is said: it may have been stopped, or
 * another one have come. True if the health is another now.
 */
export async function recordProbe(
  { database, tenantId, clock }: DeployTools,
  item: Pick<ProductionItem, "id" | "key">,
  deployment: string,
  status: TargetStatus,
  history: HealthEvent[],
  policy: RecoveryPolicy,
): Promise<boolean> {
  const at = clock.now();
  const recent = history.filter((event) => event.type === "probe").slice(-policy.failedProbes);
  const sick =
    status.gone ||
    (recent.length >= policy.failedProbes && recent.every((event) => event.type === "probe" && !event.ok));
  const health = status.healthy ? "healthy" : sick ? "unhealthy" : null;
  return inTenant(database.app, tenantId, async (tx) => {
    // The item first, as everybody takes them: else two could wait for each other.
    const { rows } = await sql<{ health: string }>`
      select health from item where id = ${item.id} for no key update`.execute(tx);
    const { rows: serving } = await sql`select 1 from deployment where id = ${deployment} and state = 'live'`.execute(
      tx,
    );
    if (serving.length === 0) return false;
    await sql`
      insert into uptime (item_id, tenant_id, hour, ok, failed) values (${item.id}, tenant_now(), date_trunc('hour', ${at}::timestamptz), ${status.healthy ? 1 : 0}, ${status.healthy ? 0 : 1})
      on conflict (item_id, hour) do update set ok = uptime.ok + excluded.ok, failed = uptime.failed + excluded.failed`.execute(
      tx,
    );
    if (health === null) return false;
    const before = rows[0]?.health ?? "unknown";
    await sql`update item set health = ${health}, health_reason = ${status.healthy ? null : status.reason}, health_at = ${at} where id = ${item.id}`.execute(
      tx,
    );
    if (before === health) return false;
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
    return true;
  });
}

async function openIncident(
  tx: Tx,
  item: Pick<ProductionItem, "id" | "key">,
  reason: string,
  at: Date,
): Promise<Event[]> {
  const id = uuidv7();
  const { rows } = await sql`
    insert into incident (id, tenant_id, item_id, reason, opened_at) values (${id}, tenant_now(), ${item.id}, ${reason}, ${at})
    on conflict (item_id) where closed_at is null do nothing returning 1`.execute(tx);
  return rows.length === 0 ? [] : [{ type: "incident.opened", subject: id, key: item.key, reason }];
}

/** It is well again, or another release serves: what was open is over. */
export async function closeIncident(tx: Tx, item: Pick<ProductionItem, "id" | "key">, at: Date): Promise<Event[]> {
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
