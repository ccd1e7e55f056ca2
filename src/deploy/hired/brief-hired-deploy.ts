import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import { productionItem, type ProductionItem } from "#deploy/production-settings.ts";
import { DEFAULT_HEALTH_PATH } from "#deploy/production.ts";
import type { DeployBrief, DeployOrder } from "#lines/service/hired-deploy.ts";
import { contentHash as hashOf } from "#proof/content-hash.ts";
import { Failure } from "#system/failure.ts";
import { markOf } from "./mark-of.ts";
import type { Before } from "./prove-claim.ts";

/**
 * What a hired agent must know to deploy a service. Asked when its copy has been made: it throws a Failure where the
 * folder is not what was proved, so that nothing else is ever deployed.
 */
export async function briefHiredDeploy(tools: DeployTools, itemId: string, body: object): Promise<DeployBrief> {
  const item = await productionItem(tools, itemId);
  const { contentHash, back = null } = body as Partial<DeployOrder>;
  if (typeof contentHash !== "string") throw new Failure("invalid", `${item.key} has no content to deploy yet.`);
  if (back === null && (await hashOf(item.folder)) !== contentHash)
    throw new Failure("conflict", `${item.key} changed since its tests ran: what is deployed needs a new verdict.`);
  const { serves: before, agentVersion } = await inTenant(tools.database.app, tools.tenantId, async (tx) => {
    const serves = await servesBefore(tx, item.id);
    if (back === null) await refuseUnproved(tx, item, contentHash, serves);
    return { serves, agentVersion: back && (await agentVersionOf(tx, item.id, back.to)) };
  });
  const { port, healthPath = DEFAULT_HEALTH_PATH } = item.control.settings;
  return {
    service: item.key,
    mark: markOf(contentHash),
    port: port ?? null,
    healthPath,
    serving: before && {
      version: before.version,
      url: before.detail.url ?? (before.port === null ? null : `http://127.0.0.1:${before.port}`),
      stop: before.detail.stop ?? null,
      rollback: before.detail.rollback ?? null,
    },
    back: back && { to: back.to, agentVersion },
  };
}

async function agentVersionOf(tx: Tx, itemId: string, version: string): Promise<string | null> {
  const { rows } = await sql<{ agentVersion: string | null }>`
    select detail->>'agentVersion' as "agentVersion" from deployment where item_id = ${itemId} and version = ${version}`.execute(
    tx,
  );
  return rows[0]?.agentVersion ?? null;
}

export async function servesBefore(tx: Tx, itemId: string): Promise<Before | null> {
  const { rows } = await sql<Before>`
    select id, version, target, state, content_hash, port, detail from deployment
    where item_id = ${itemId} and state in ('live', 'stopped') order by started_at desc limit 1`.execute(tx);
  return rows[0] ?? null;
}

/** Green by the settings now; what serves already may be brought back unless it is known to be red. */
async function refuseUnproved(tx: Tx, item: ProductionItem, contentHash: string, before: Before | null): Promise<void> {
  const { rows } = await sql<{ ok: boolean }>`
    select ok from verdict where item_id = ${item.id} and content_hash = ${contentHash}
      and ((gate = 'health' and settings_hash in ('', ${item.release_hash})) or (gate = 'tests' and settings_hash = (select gate_hash from item where id = ${item.id})))
    order by at desc limit 1`.execute(tx);
  const proved = rows[0]?.ok ?? before?.content_hash === contentHash;
  if (!proved)
    throw new Failure(
      "conflict",
      `${item.key} is not deployed: its content has no green verdict of Steward's. \`steward check ${item.key}\` judges it.`,
    );
}
