import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import { markLive } from "#deploy/mark-live.ts";
import { judgeSick, recordRolledBack, takenBack } from "#deploy/mark-rolled-back.ts";
import { closeIncident } from "#deploy/record-probe.ts";
import { productionItem, productionSettings, type ProductionItem } from "#deploy/production-settings.ts";
import { report, type Outcome } from "#dispatch/report.ts";
import { act } from "#effects/act.ts";
import { endEffect } from "#effects/end-abandoned.ts";
import { append } from "#ledger/append.ts";
import type { DeployOrder, HandedIn } from "#lines/service/hired-deploy.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { servesBefore } from "./brief-hired-deploy.ts";
import { proveClaim, type Before, type Proved } from "./prove-claim.ts";
import { readClaim, type Claim } from "./read-claim.ts";

type Judged = { item: ProductionItem; order: DeployOrder; claim: Claim; proved: Proved };

/**
 * What a hired agent says it deployed, through doors 3 and 4: the claim is entered as the effect that it is, and Steward
 * asks the service itself before it counts. A claim that does not hold is a failed attempt; a service that answers and is
 * not well is a red verdict for its content, as with a release of Steward's own. Until one is proved, what served before
 * is what serves. May be run again after a kill at any moment.
 */
export async function judgeHiredDeploy(tools: DeployTools, handedIn: HandedIn): Promise<void> {
  try {
    const judged = await judge(tools, handedIn);
    await outlastDatabase(tools.database, () => conclude(tools, handedIn, judged));
  } catch (error) {
    if (!(error instanceof Failure)) throw error;
    const reason = error.message;
    const outcome: Outcome = error.code === "stopped" ? { outcome: "stopped", reason } : { outcome: "failed", reason };
    await outlastDatabase(tools.database, () => refuse(tools, handedIn, outcome));
  }
}

async function judge(tools: DeployTools, handedIn: HandedIn): Promise<Judged> {
  const { runId, ticketId, itemId, agent } = handedIn;
  const item = await productionItem(tools, itemId);
  const { order, before } = await inTenant(tools.database.app, tools.tenantId, async (tx) => {
    await endLostOnes(tx, itemId, tools.clock.now());
    const ticket = await tx.selectFrom("ticket").select("body").where("id", "=", ticketId).executeTakeFirstOrThrow();
    return { order: ticket.body as DeployOrder, before: await servesBefore(tx, itemId) };
  });
  const { contentHash, back } = order;
  const kind = back ? "rollback" : "deploy";
  // Whoever takes a version back may well do so in the folder that it was given.
  const claim = readClaim(back ? { ...handedIn, changed: [] } : handedIn);
  const effect = {
    kind,
    key: `${kind} run ${runId}`,
    item: { id: itemId, line: "service", client: item.client },
    runId,
    payload: { service: item.key, target: "agent", agent, contentHash, url: claim.url, version: claim.version },
    allowedBy: { standing: "its owner hired the agent for devops in steward.yaml" },
    actor: `agent:${agent}`,
  };
  const { result } = await act(tools, effect, {
    kind,
    resumable: true,
    async perform(_payload, signal) {
      const proved = await proveClaim(tools, { item, claim, contentHash, before, signal });
      if (!proved.ok && back) throw new Failure("unreachable", `${back.to} is not well: ${proved.reason}`);
      if (proved.ok) await retireOwn(tools, item, before);
      return { result: proved };
    },
  });
  return { item, order, claim, proved: result as Proved };
}

/** Of a run that was lost in the middle nobody says any more whether it deployed. */
async function endLostOnes(tx: Tx, itemId: string, at: Date): Promise<void> {
  const { rows } = await sql<{ key: string }>`
    select f.key from effect f join run r on r.id = f.run_id
    where f.item_id = ${itemId} and f.state = 'doing' and not f.dry_run and f.key = f.kind || ' run ' || r.id and r.state = 'ended'`.execute(
    tx,
  );
  for (const { key } of rows) await endEffect(tx, { actor: "steward", at }, { key, reason: "its run was lost" });
}

/** A release of Steward's own that this one takes over from has nobody left to look after it. */
async function retireOwn(tools: DeployTools, item: ProductionItem, before: Before | null): Promise<void> {
  if (before?.target !== "process" || before.state !== "live") return;
  const by = tools.servedBy(item.key, before.target);
  if (by) await by.target.stop(await productionSettings(tools, item, by), { forGood: true });
}

/** What came of it, and the report, in one transaction. */
async function conclude(tools: DeployTools, handedIn: HandedIn, judged: Judged): Promise<void> {
  const { database, tenantId, clock } = tools;
  const { item, order, proved } = judged;
  const { runId, ticketId, agent, round } = handedIn;
  await inTenant(database.app, tenantId, async (tx) => {
    const at = clock.now();
    // The item before the ticket, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    const said = { ok: proved.ok, url: proved.url, reason: proved.reason, left: handedIn.left };
    if (!(await reportRun(tx, at, handedIn, { outcome: "done" }, said))) return;
    if (order.back) await serveAgain(tx, handedIn, judged, { ...order.back, at });
    else {
      const id = uuidv7();
      const version = await nextVersion(tx, item.id);
      await tx.insertInto("deployment").values({
        id, tenant_id: tenantId, item_id: item.id, host_id: tools.hostId, target: "agent", version, round, content_hash: order.contentHash,
        state: "deploying", detail: toJson(detailOf(handedIn, judged)), started_at: at,
      }).execute(); // prettier-ignore
      if (proved.ok) await serve(tx, tools, judged, { id, version, round, runId, at });
      else await takeAsSick(tx, judged, { id, version, round, at });
    }
    await sql`update run set verified = ${proved.ok} where id = ${runId}`.execute(tx);
    await append(
      tx,
      { actor: "steward", at, rule: "deploy.health" },
      { type: "run.verified", subject: runId, ticket: ticketId, agent, ok: proved.ok },
    );
  });
}

type Concluded = { id: string; version: string; round: number; at: Date };

async function serve(
  tx: Tx,
  tools: DeployTools,
  { item, order: { contentHash }, proved }: Judged,
  { id, version, round, runId, at }: Concluded & { runId: string },
): Promise<void> {
  const { reason, durationMs, url } = proved;
  // Bound to no settings of the tests: what is well in production says nothing of those.
  const verdict = { gate: "health", settings_hash: "hired", ok: true, content_hash: contentHash, round, at };
  await tx.insertInto("verdict").values({
    ...verdict, id: uuidv7(), tenant_id: tools.tenantId, item_id: item.id, run_id: runId,
    reasons: toJson([reason]), facts: toJson({ kind: null, durationMs }),
  }).execute(); // prettier-ignore
  await append(
    tx,
    { actor: "steward", at, rule: "deploy.health" },
    {
      type: "gate.judged", subject: item.id, key: item.key, gate: "health", ok: true, contentHash, settingsHash: "hired",
      reasons: [reason], facts: { url },
    }, // prettier-ignore
  );
  await markLive(tx, { actor: "steward", at, rule: "deploy.hired" }, item, {
    id,
    version,
    hostId: tools.hostId,
    port: proved.port,
  });
}

async function takeAsSick(
  tx: Tx,
  { item, order: { contentHash }, proved }: Judged,
  { id, version, round, at }: Concluded,
): Promise<void> {
  const reason = `${version} was deployed and is not well: ${proved.reason}`;
  await sql`
    update deployment set state = 'failed', ended_at = ${at}, detail = detail || ${JSON.stringify({ reason })}::jsonb where id = ${id}`.execute(
    tx,
  );
  await append(
    tx,
    { actor: "steward", at, rule: "deploy.health" },
    { type: "service.deploy_failed", subject: item.id, key: item.key, version, reason: proved.reason },
  );
  const content = { content_hash: contentHash, round };
  await judgeSick(tx, item, content, { at, reason, logTail: [], durationMs: proved.durationMs });
}

/** An earlier version, on its owner's word: the content of the later one waits for them. */
async function serveAgain(
  tx: Tx,
  handedIn: HandedIn,
  judged: Judged,
  { from, to, at }: { from: string; to: string; at: Date },
): Promise<void> {
  const { item, proved } = judged;
  await recordRolledBack(tx, at, item, { from, to, reason: takenBack(item.key), by: "owner" });
  await sql`
    update deployment set port = ${proved.port}, detail = detail || ${toJson(detailOf(handedIn, judged))}::jsonb
    where item_id = ${item.id} and version = ${to} and state = 'live'`.execute(tx);
  await sql`
    update item set health = 'healthy', health_reason = null, health_at = ${at}, port = ${proved.port} where id = ${item.id}`.execute(
    tx,
  );
  await append(tx, { actor: "steward", at, rule: "deploy.hired" }, ...(await closeIncident(tx, item, at)));
}

/** Kept with the deployment: where it is asked from now on, and what its agent said of it. */
function detailOf({ agent, runId }: HandedIn, { claim, proved }: Judged): object {
  const { version, stop, rollback } = claim;
  return { url: proved.url, listener: proved.listener, agent, run: runId, agentVersion: version, stop, rollback };
}

async function refuse({ database, tenantId, clock }: DeployTools, handedIn: HandedIn, outcome: Outcome): Promise<void> {
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`select 1 from item where id = ${handedIn.itemId} for no key update`.execute(tx);
    const said = { ok: false, left: handedIn.left };
    if (!(await reportRun(tx, clock.now(), handedIn, outcome, said))) return;
    if (outcome.outcome === "failed")
      await sql`update run set verified = false where id = ${handedIn.runId}`.execute(tx);
  });
}

/** False if the run has lost its ticket: then nothing of it counts. */
async function reportRun(
  tx: Tx,
  at: Date,
  { ticketId, runId, fence, agent }: HandedIn,
  outcome: Outcome,
  detail: object,
): Promise<boolean> {
  return (await report(tx, at, [{ ...outcome, ticketId, runId, fence, agent, detail }])).size > 0;
}

/** A version is never given twice. */
async function nextVersion(tx: Tx, itemId: string): Promise<string> {
  const { rows } = await sql<{ last: number }>`
    select coalesce(max(substring(version from '^v([0-9]{1,9})$')::int), 0) as last from deployment where item_id = ${itemId}`.execute(
    tx,
  );
  return `v${(rows[0]?.last ?? 0) + 1}`;
}
