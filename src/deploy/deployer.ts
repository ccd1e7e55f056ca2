import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { report } from "#dispatch/report.ts";
import type { BuiltinAgent } from "#dispatch/worker.ts";
import { act, type Adapter } from "#effects/act.ts";
import { endEffect } from "#effects/end-abandoned.ts";
import { append } from "#ledger/append.ts";
import { contentHash } from "#proof/content-hash.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import type { DeployTools } from "./deploy-tools.ts";
import { markLive } from "./mark-live.ts";
import { judgeSick } from "./mark-rolled-back.ts";
import { productionItem, productionSettings, type ProductionItem } from "./production-settings.ts";
import type { DeployResult, ServiceSettings } from "./targets/target.ts";
import { failpoint, failpoints } from "#system/failpoint.ts";

type Deployment = { id: string; version: string; /** It was begun before, and broken off. */ resumed?: boolean };

/**
 * Steward's own deploy, where the owner declared a target: that declaration is its standing approval. It releases
 * exactly the content that has a green verdict, through door 3. A release that is not healthy is a red verdict for its
 * content: the old one goes on serving, and a fixer gets the log.
 */
export function deployer(tools: DeployTools): BuiltinAgent {
  return {
    name: "deployer",
    capabilities: ["deployer"],
    about:
      "Steward itself: releases what its gates passed to the target you declared, and goes back by itself if it is not healthy.",
    slots: 4,
    async run(claimed, signal) {
      const item = await productionItem(tools, claimed.item_id);
      const declared = tools.declared(item.key);
      if (!declared)
        throw new Failure(
          "invalid",
          `${item.key} has no deploy target any more: declare one under \`deploy:\` in steward.yaml.`,
        );
      const settings = await productionSettings(tools, item, declared);
      const order = {
        service: item.key,
        contentHash: item.content_hash,
        target: declared.target.kind,
        port: settings.publicPort,
      };
      const deployment = await begin(tools, claimed, item, order, {
        // Nobody said this port but Steward itself, which tells the registry of it.
        ...(settings.publicPort !== null && item.control.settings.port === undefined && { portGiven: true }),
        // What the owner says later must not leave nobody knowing how it is asked, taken back and stopped.
        ...(declared.commands && { commands: declared.commands, pass: declared.passEnvironment ?? [] }),
      });
      failpoint("deploy.begun");
      const adapter: Adapter = {
        kind: "deploy",
        resumable: true,
        async perform() {
          const result = await declared.target.deploy(
            {
              settings,
              version: deployment.version,
              content: item.folder,
              contentHash: item.content_hash!,
              hashContent: contentHash,
              previous: await servingVersion(tools, item, declared.target.kind),
              resumed: deployment.resumed ?? false,
            },
            (step, detail) => note(tools, claimed, signal, step, detail),
          );
          return { result };
        },
      };
      const effect = {
        kind: "deploy",
        key: `deploy ${deployment.id}`,
        item: { id: item.id, line: "service", client: item.client },
        runId: claimed.runId,
        payload: { ...order, version: deployment.version },
        allowedBy: { standing: "a deploy target is declared in steward.yaml" },
        actor: "steward",
      };
      try {
        const acted = await act(tools, effect, adapter, { signal });
        await conclude(tools, claimed, item, deployment, settings, acted.result as DeployResult);
        failpoint("deploy.concluded");
        return "reported";
      } catch (error) {
        if (error instanceof Failure) await abandon(tools, item, deployment, messageOf(error));
        throw error;
      }
    },
  };
}

/**
 * The deployment of just this that is under way, or that this ticket has put in production before it could say so; else a
 * new one. Only what has a green verdict may have one.
 */
async function begin(
  { database, tenantId, hostId, clock }: DeployTools,
  claimed: Claimed,
  item: ProductionItem,
  order: { target: string; port: number | null },
  kept: object,
): Promise<Deployment> {
  const detail = JSON.stringify({ order: { ...order, releaseHash: item.release_hash } });
  const at = clock.now();
  return inTenant(database.app, tenantId, async (tx) => {
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    await refuseElsewhere(tx, item, hostId);
    const { rows: proofs } = await sql<{ ok: boolean }>`
      select ok from verdict where item_id = ${item.id} and content_hash = ${item.content_hash}
        and ((gate = 'health' and settings_hash in ('', ${item.release_hash})) or (gate = 'tests' and settings_hash = (select gate_hash from item where id = ${item.id}))) order by at desc limit 1`.execute(
      tx,
    );
    if (!proofs[0]?.ok)
      throw new Failure(
        "conflict",
        `${item.key} is not deployed: its content has no green verdict of Steward's. \`steward check ${item.key}\` judges it.`,
      );
    const { rows: under } = await sql<Deployment>`
      select id, version from deployment
      where item_id = ${item.id} and host_id = ${hostId} and detail @> ${detail}::jsonb
        and (state = 'deploying' or (state = 'live' and started_at >= (select created_at from ticket where id = ${claimed.id})))
      order by started_at desc limit 1`.execute(tx);
    await giveUpOlder(tx, item, { keep: under[0]?.id ?? null, at });
    if (under[0]) return { ...under[0], resumed: true };
    const deployment = { id: uuidv7(), version: await nextVersion(tx, item.id) };
    await tx.insertInto("deployment").values({
      ...deployment, tenant_id: tenantId, item_id: item.id, host_id: hostId, target: order.target, round: item.round, content_hash: item.content_hash!, state: "deploying",
      detail: JSON.stringify({ ...JSON.parse(detail), ...kept }), started_at: at,
    }).execute(); // prettier-ignore
    return deployment;
  });
}

async function servingVersion(
  { database, tenantId }: DeployTools,
  item: ProductionItem,
  target: string,
): Promise<string | null> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{
      version: string;
    }>`select version from deployment where item_id = ${item.id} and state = 'live' and target = ${target}`.execute(tx),
  );
  return rows[0]?.version ?? null;
}

/** A version is never given twice, also where not all of those before are known any more. */
async function nextVersion(tx: Tx, itemId: string): Promise<string> {
  const { rows } = await sql<{ last: number }>`
    select coalesce(max(substring(version from '^v([0-9]{1,9})$')::int), 0) as last from deployment where item_id = ${itemId}`.execute(
    tx,
  );
  return `v${(rows[0]?.last ?? 0) + 1}`;
}

/** A deploy that was broken off or could not be tried, of what is not wanted any more: nobody will go on with it. */
async function giveUpOlder(
  tx: Tx,
  item: ProductionItem,
  { keep, at }: { keep: string | null; at: Date },
): Promise<void> {
  const reason = "given up for newer content or settings";
  const { rows } = await sql<{ id: string; version: string }>`
    update deployment set state = 'failed', ended_at = ${at}, detail = detail || ${JSON.stringify({ reason })}::jsonb
    where item_id = ${item.id} and state = 'deploying' and id is distinct from ${keep} returning id, version`.execute(
    tx,
  );
  for (const { id, version } of rows) {
    await endEffect(tx, { actor: "steward", at }, { key: `deploy ${id}`, reason });
    await append(
      tx,
      { actor: "steward", at },
      { type: "service.deploy_failed", subject: item.id, key: item.key, version, reason },
    );
  }
}

/** A service's releases, its port and what it keeps are on one machine: nobody puts a second one beside it. */
async function refuseElsewhere(tx: Tx, item: ProductionItem, hostId: string): Promise<void> {
  const { rows } = await sql<{ name: string }>`
    select h.name from deployment d join host h on h.id = d.host_id
    where d.item_id = ${item.id} and d.state = 'live' and d.target = 'process' and d.host_id <> ${hostId}`.execute(tx);
  if (rows[0])
    throw new Failure(
      "conflict",
      `${item.key} is in production on another host, ${rows[0].name}: only the Steward there releases it. ` +
        `To move it, end it there first: \`steward stop ${item.key} --production\`, or here if that host is gone.`,
    );
}

async function note(
  { database, tenantId, log }: DeployTools,
  claimed: Claimed,
  signal: AbortSignal,
  step: string,
  detail: string,
): Promise<void> {
  signal.throwIfAborted();
  const boundary = failpoints.find((name) => name === `deploy.${step}`);
  if (boundary) failpoint(boundary);
  log.debug({ service: claimed.item_key, step, detail }, "deploying");
  await inTenant(database.app, tenantId, (tx) =>
    sql`update run set progress = ${detail}, heartbeat_at = now() where id = ${claimed.runId}`.execute(tx),
  );
}

/** What came of it, and the report, in one transaction. */
async function conclude(
  tools: DeployTools,
  claimed: Claimed,
  item: ProductionItem,
  deployment: Deployment,
  settings: ServiceSettings,
  result: DeployResult,
): Promise<void> {
  const { database, tenantId, clock } = tools;
  await outlastDatabase(database, () => inTenant(database.app, tenantId, async (tx) => {
    const at = clock.now();
    // The item before the ticket, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    await report(tx, at, [{ outcome: "done", ticketId: claimed.id, runId: claimed.runId, fence: claimed.fence, agent: "deployer", detail: { ok: result.ok, version: deployment.version, reason: result.reason } }]);
    if (result.ok) await markLive(tx, { actor: "steward", at }, item, { ...deployment, hostId: tools.hostId, port: settings.publicPort });
    else await markFailed(tx, item, deployment, result, at);
  })); // prettier-ignore
}

async function markFailed(
  tx: Tx,
  item: ProductionItem,
  { id, version }: Deployment,
  { reason, logTail, seconds }: DeployResult,
  at: Date,
): Promise<void> {
  await sql`update deployment set state = 'failed', ended_at = ${at}, detail = ${JSON.stringify({ reason, logTail })} where id = ${id}`.execute(
    tx,
  );
  await append(
    tx,
    { actor: "steward", at, rule: "deploy.health" },
    { type: "service.deploy_failed", subject: item.id, key: item.key, version, reason },
  );
  await judgeSick(
    tx,
    item,
    { content_hash: item.content_hash!, round: item.round },
    { at, reason: `release ${version} was not healthy: ${reason}`, logTail, durationMs: Math.round(seconds * 1000) },
  );
}

/** It could not be tried, such as for a port in use: the ticket is retried, the deployment stays under way. */
async function abandon(
  { database, tenantId }: DeployTools,
  item: ProductionItem,
  { id }: Deployment,
  reason: string,
): Promise<void> {
  await inTenant(database.app, tenantId, (tx) =>
    sql`update deployment set detail = detail || ${JSON.stringify({ reason })}::jsonb where id = ${id} and item_id = ${item.id}`.execute(
      tx,
    ),
  );
}
