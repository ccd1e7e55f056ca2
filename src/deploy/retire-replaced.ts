import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { act } from "#effects/act.ts";
import { append } from "#ledger/append.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import type { DeployTools, ReleasedWith } from "./deploy-tools.ts";
import { productionItem, productionSettings } from "./production-settings.ts";

/** The last release of a target of this host that its service has left for another one. */
export type Replaced = { id: string; item_id: string; version: string; target: string; detail: ReleasedWith };

/**
 * Releases that serve beside their successor: another target has their service now, and theirs was not told. Not those of
 * a target that is just being released to again.
 */
export async function replacedHere({ database, tenantId, hostId }: DeployTools): Promise<Replaced[]> {
  return inTenant(database.app, tenantId, async (tx) => {
    const { rows } = await sql<Replaced>`
      select distinct on (d.item_id, d.target) d.id, d.item_id, d.version, d.target, d.detail
      from deployment d join deployment l on l.item_id = d.item_id and l.state = 'live' and (l.target, l.host_id) <> (d.target, d.host_id)
      where d.host_id = ${hostId} and d.target <> 'agent' and d.state = 'superseded' and not d.detail ? 'retired'
        and not exists (select 1 from deployment n where n.item_id = d.item_id and n.target = d.target and n.host_id = d.host_id and n.state = 'deploying')
      order by d.item_id, d.target, d.started_at desc`.execute(tx);
    return rows;
  });
}

/**
 * Ends what serves beside its successor, through door 3; its port is free then. What cannot be ended by a command of its
 * owner's is left to them, once: asking again and again would not help.
 */
export async function retireReplaced(tools: DeployTools, replaced: Replaced): Promise<void> {
  const item = await productionItem(tools, replaced.item_id);
  const declared = tools.servedBy(item.key, replaced.target, replaced.detail);
  if (!declared) return;
  const { target } = declared;
  const settings = await productionSettings(tools, item, declared);
  const status = target.opensPort ? await target.status(settings) : null;
  if (status !== null && (status.version === null || status.stopped === "for good"))
    return noteRetired(tools, replaced, item.key, null);
  const version = status?.version ?? replaced.version;
  const reason = "another target has taken its service over";
  const effect = {
    kind: "stop", key: `stop ${replaced.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
    payload: { service: item.key, version, reason }, allowedBy: { standing: "the owner declared another deploy target" }, actor: "steward",
  }; // prettier-ignore
  try {
    await act(tools, effect, {
      kind: "stop",
      resumable: true,
      async perform() {
        await target.stop(settings, { forGood: true, only: version });
        return { result: { stopped: version } };
      },
    });
  } catch (error) {
    if (target.opensPort || !(error instanceof Failure) || !OF_ITS_COMMAND.has(error.code)) throw error;
    const left = `what its deploy command put into production is still there, and was not ended: ${messageOf(error)}`;
    return noteRetired(tools, replaced, item.key, left);
  }
  return noteRetired(tools, replaced, item.key, reason);
}

/** It has no stop command, or that one failed. */
const OF_ITS_COMMAND = new Set<string>(["invalid", "unavailable"]);

async function noteRetired(
  { database, tenantId, hostId, clock }: DeployTools,
  { item_id: itemId, target, version }: Replaced,
  key: string,
  reason: string | null,
): Promise<void> {
  const at = clock.now();
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`
      update deployment set detail = detail || ${JSON.stringify({ retired: at })}::jsonb
      where item_id = ${itemId} and host_id = ${hostId} and target = ${target} and state = 'superseded'`.execute(tx);
    if (reason === null) return;
    const event = { subject: itemId, key, version, target, reason };
    await append(tx, { actor: "steward", at, rule: "deploy.target_changed" }, { type: "service.retired", ...event });
  });
}
