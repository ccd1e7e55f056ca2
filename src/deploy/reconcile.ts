import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { endEffect } from "#effects/end-abandoned.ts";
import { append, type Because } from "#ledger/append.ts";
import { uuidv7 } from "#system/ids.ts";
import type { Served } from "./carry-out-recovery.ts";
import type { DeployTools } from "./deploy-tools.ts";
import { markLive } from "./mark-live.ts";
import { recordRolledBack, takenBack } from "./mark-rolled-back.ts";
import { recordStopped } from "./record-stopped.ts";
import type { DeployResult, TargetStatus } from "./targets/target.ts";

/** What serves by the record now; null: nothing. */
export type Corrected = { live: string | null };

/**
 * What serves is right, and the record follows it: a target says that a version is in production only once it has
 * answered there. A process that died between a change and its record leaves the two apart.
 * - Stopped for good: the record says so, too.
 * - An older release than recorded: it was taken back, by whoever asked for it last. Where Steward did not, it is its
 *   owner's doing: the newer one waits for them.
 * - A newer one: its deploy was done.
 * - One that is not recorded at all, from a target that knows its content (the database may be an older one): it is
 *   recorded. A version of somebody else's is left to them.
 * Whoever is in the middle of a change records it. Returns null where there was nothing to correct.
 */
export async function reconcile(tools: DeployTools, service: Served, status: TargetStatus): Promise<Corrected | null> {
  const { item, live } = service;
  if (isAsRecorded(live, status)) return null;
  const at = tools.clock.now();
  return inTenant(tools.database.app, tools.tenantId, async (tx) => {
    // The item first, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    if ((await stateOf(tx, live.id)) !== live.state || (await isChanging(tx, tools, item.id))) return null;
    if (status.stopped === "for good") {
      const reason = "it was stopped on purpose, and whoever did it died before it was recorded";
      await correct(tx, at, service, null, reason);
      await recordStopped(tx, item, { deployment: live.id, reason, forGood: true, at });
      return { live: null };
    }
    return follow(tx, tools, service, { version: status.version!, contentHash: status.contentHash });
  });
}

function isAsRecorded({ state, version }: Served["live"], serving: TargetStatus): boolean {
  if (state !== "live") return serving.stopped !== false || serving.version === null;
  return serving.stopped !== "for good" && (serving.version === null || serving.version === version);
}

async function follow(
  tx: Tx,
  tools: DeployTools,
  service: Served,
  serving: { version: string; contentHash: string | null },
): Promise<Corrected | null> {
  const { item, live, settings } = service;
  const at = tools.clock.now();
  const because = { actor: "steward", at, rule: RULE };
  const { version } = serving;
  const row = await deploymentOf(tx, item.id, version, live.target);
  if (row === undefined) {
    if (serving.contentHash === null) return null;
    const id = uuidv7();
    await correct(tx, at, service, version, `${version} serves, and there was no record of it`);
    await tx.insertInto("deployment").values({
      id, tenant_id: tools.tenantId, item_id: item.id, host_id: tools.hostId, target: live.target, version, round: item.round,
      content_hash: serving.contentHash, state: "deploying", started_at: at,
    }).execute(); // prettier-ignore
    await markLive(tx, because, item, { id, version, hostId: tools.hostId, port: settings.publicPort });
    return { live: id };
  }
  if (version !== live.version && row.started_at < live.started_at) {
    const { by, reason } = await whoTookBack(tx, service);
    await correct(tx, at, service, version, `${live.version} was taken back, and that was not recorded: ${reason}`);
    await recordRolledBack(tx, at, item, { from: live.version, to: version, reason, by });
    return { live: row.id };
  }
  const reason =
    live.state === "stopped" && version === live.version ? "it was started again" : `the deploy of ${version} was done`;
  await correct(tx, at, service, version, `${reason}, and whoever did it died before it was recorded`);
  await markLive(tx, because, item, { id: row.id, version, hostId: tools.hostId, port: settings.publicPort });
  await endDeploy(tx, because, { id: row.id, version, before: live.version, reason });
  return { live: row.id };
}

const RULE = "deploy.reconcile";

async function correct(tx: Tx, at: Date, { item, live }: Served, to: string | null, reason: string): Promise<void> {
  const event = { subject: item.id, key: item.key, from: live.version, to, reason };
  await append(tx, { actor: "steward", at, rule: RULE }, { type: "service.record_corrected", ...event });
}

async function stateOf(tx: Tx, id: string): Promise<string | undefined> {
  return (await tx.selectFrom("deployment").select("state").where("id", "=", id).executeTakeFirst())?.state;
}

/** True while somebody who lives is in the middle of a change of this service: it is theirs to record. */
async function isChanging(tx: Tx, { processLives }: DeployTools, itemId: string): Promise<boolean> {
  const { rows: deploys } = await sql`
    select 1 from ticket where item_id = ${itemId} and capability = 'deployer' and state = 'claimed'`.execute(tx);
  if (deploys.length > 0) return true;
  const { rows: effects } = await sql<{ process_id: string }>`
    select process_id from effect where item_id = ${itemId} and state = 'doing' and not dry_run`.execute(tx);
  for (const { process_id: id } of effects) if (await processLives(tx, id)) return true;
  return false;
}

async function deploymentOf(tx: Tx, itemId: string, version: string, target: string) {
  const { rows } = await sql<{ id: string; started_at: Date }>`
    select id, started_at from deployment where item_id = ${itemId} and version = ${version} and target = ${target}`.execute(
    tx,
  );
  return rows[0];
}

/** By whose word this release was taken back last, as far as Steward was asked. */
async function whoTookBack(tx: Tx, { item, live }: Served): Promise<{ by: "owner" | "steward"; reason: string }> {
  const { rows } = await sql<{ actor: string; reason: string | null }>`
    select e.actor, f.payload->>'reason' as reason
    from effect f join event e on e.subject = f.id::text and e.type = 'effect.started'
    where f.item_id = ${item.id} and f.kind = 'rollback' and starts_with(f.key, ${`rollback ${live.id} `})
    order by e.id desc limit 1`.execute(tx);
  const asked = rows[0];
  if (asked?.actor === "steward") return { by: "steward", reason: asked.reason ?? "it was not well" };
  return { by: "owner", reason: takenBack(item.key) };
}

/** Whoever takes up its ticket finds it done. */
async function endDeploy(
  tx: Tx,
  because: Because,
  { id, version, before, reason }: { id: string; version: string; before: string; reason: string },
): Promise<void> {
  const done: DeployResult = { ok: true, serving: version, before, reason, logTail: [], url: null, seconds: 0 };
  await endEffect(tx, because, { key: `deploy ${id}`, reason, done });
}
