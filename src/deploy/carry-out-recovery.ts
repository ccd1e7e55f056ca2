import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { act, type Adapter } from "#effects/act.ts";
import type { HealthEvent, RecoveryDecision } from "#health/recovery.ts";
import { append } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { failpoint } from "#system/failpoint.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import type { DeployTools } from "./deploy-tools.ts";
import { judgeSick, markRolledBack } from "./mark-rolled-back.ts";
import type { ProductionItem } from "./production-settings.ts";
import { recordStopped } from "./record-stopped.ts";
import type { Live } from "./supervise.ts";
import type { DeployResult, DeployTarget, ServiceSettings, TargetStatus } from "./targets/target.ts";

export type Served = { item: ProductionItem; live: Live; target: DeployTarget; settings: ServiceSettings };

/** After a restart of Steward or of the machine: what was up is up again before it is probed. */
export async function bringBack(
  tools: DeployTools,
  service: Served,
  { reason: why }: Pick<TargetStatus, "reason">,
): Promise<void> {
  const { target, settings } = service;
  const reason = `${why}: brought back`;
  const result = await perform(tools, service, "recover", reason, () => target.recover(settings, () => {}));
  if (staysDown(result)) {
    // Its owner's word came between the look and this.
    const stop = { deployment: service.live.id, reason: result.reason, forGood: true, at: tools.clock.now() };
    await inTenant(tools.database.app, tools.tenantId, (tx) => recordStopped(tx, service.item, stop));
    return;
  }
  const how2 = result.ok ? reason : `${reason}, in vain: ${result.reason}`;
  await tell(tools, { type: "service.brought_back", ...of(service), reason: how2 });
}

/** Finishes or undoes a change that whoever made it has left in the middle. */
export async function settle(tools: DeployTools, service: Served, brokenOff: string): Promise<void> {
  const { target, settings, item } = service;
  const reason = `a ${brokenOff} of ${item.key} was broken off: it is finished or undone`;
  const result = await perform(tools, service, "recover", reason, () => target.recover(settings, () => {}));
  if (!result.ok) throw new Failure("unavailable", result.reason);
}

/**
 * One step of a recovery, through door 3. Returns what has happened; throws what was refused, or could not be tried,
 * so that it does not count.
 */
export async function carryOut(
  tools: DeployTools,
  service: Served,
  decision: Extract<RecoveryDecision, { do: "restart" | "rollback" | "repair" }>,
): Promise<HealthEvent[]> {
  const { reason } = decision;
  switch (decision.do) {
    case "restart":
      return restart(tools, service, reason);
    case "rollback":
      return goBack(tools, service, decision.to, reason);
    case "repair":
      return askForRepair(tools, service, reason);
  }
}

async function restart(tools: DeployTools, service: Served, reason: string): Promise<HealthEvent[]> {
  const { target, settings, live } = service;
  const result = await perform(tools, service, "restart", reason, () => target.restart(settings, () => {}));
  if (staysDown(result)) return [];
  const why = result.ok ? reason : `${reason}; it did not help: ${result.reason}`;
  await noteStep(tools, service, "restart", why);
  await tell(tools, { type: "service.restarted", ...of(service), reason: why });
  return [{ type: "restarted", at: tools.clock.now(), version: live.version }];
}

async function goBack(tools: DeployTools, service: Served, to: string, because: string): Promise<HealthEvent[]> {
  const { target, settings, item, live } = service;
  const logTail = await target.lastLines(settings, live.version);
  const order = { settings, toVersion: to, from: live.version, because, unlessStopped: true };
  const result = await perform(tools, service, "rollback", because, () => target.rollback(order, () => {}));
  if (staysDown(result)) return [];
  failpoint("rollback.made");
  const reason = result.ok ? because : `${because}; that did not help: ${result.reason}`;
  await noteStep(tools, service, "rollback", reason);
  if (result.ok) await markRolledBack(tools, item, { from: live.version, to, reason, by: "steward", logTail });
  return [{ type: "rolled back", at: tools.clock.now(), from: live.version, to }];
}

/**
 * The last step: nothing that Steward can do helps. The content is red, so that whoever mends it sees why; not that of
 * what runs elsewhere: that may only have to be started again.
 */
async function askForRepair(tools: DeployTools, service: Served, reason: string): Promise<HealthEvent[]> {
  const { target, settings, item, live } = service;
  const logTail = await target.lastLines(settings, live.version);
  await noteStep(tools, service, "repair", reason);
  if (!target.runsElsewhere)
    await inTenant(tools.database.app, tools.tenantId, async (tx) => {
      await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
      await judgeSick(tx, item, live, { at: tools.clock.now(), reason, logTail });
    });
  await tell(tools, { type: "service.repair_asked", ...of(service), reason });
  return [{ type: "repair asked", at: tools.clock.now(), version: live.version }];
}

/** Its owner stopped it while the step was decided: nothing was done, and nothing serves. */
const staysDown = ({ ok, serving }: Pick<DeployResult, "ok" | "serving">): boolean => ok && serving === null;

const of = ({ item, live }: Served) => ({ subject: item.id, key: item.key, version: live.version });

/** A step that went wrong on the way is a step that did not help; one that may not be taken now is thrown. */
async function perform(
  tools: DeployTools,
  { item, live }: Served,
  kind: "restart" | "recover" | "rollback",
  reason: string,
  work: () => Promise<DeployResult>,
): Promise<Pick<DeployResult, "ok" | "reason" | "serving">> {
  const adapter: Adapter = { kind, resumable: true, perform: async () => ({ result: await work() }) };
  const effect = {
    kind, key: `${kind} ${live.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
    payload: { service: item.key, version: live.version, reason }, allowedBy: { standing: "recovery of a declared deploy target" }, actor: "steward",
  }; // prettier-ignore
  try {
    return (await act(tools, effect, adapter)).result as DeployResult;
  } catch (error) {
    if (!(error instanceof Failure) || NOT_NOW.has(error.code)) throw error;
    return { ok: false, serving: null, reason: messageOf(error) };
  }
}

/** Refused by a switch or a budget, or another change of this service is being made. */
const NOT_NOW = new Set<string>(["stopped", "over_budget", "needs_approval", "conflict"]);

async function noteStep(
  { database, tenantId, clock }: DeployTools,
  { item }: Served,
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

async function tell({ database, tenantId, clock }: DeployTools, event: Event): Promise<void> {
  const rule = event.type.replace("service.", "health.");
  await inTenant(database.app, tenantId, (tx) => append(tx, { actor: "steward", at: clock.now(), rule }, event));
}
