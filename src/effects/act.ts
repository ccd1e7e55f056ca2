import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import type { Database } from "#db/open.ts";
import { outlastDatabase } from "#db/outlast.ts";
import { append } from "#ledger/append.ts";
import { payloadHash } from "#policy/approvals.ts";
import { budgetsOver, type Cost, hold, lockBudgets, settle, tooSmall, writeHolds } from "#policy/budgets.ts";
import { enterDoor } from "#policy/door.ts";
import { describeScope, switchAgainst } from "#policy/switches.ts";
import type { Clock } from "#system/clock.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { failpoint } from "#system/failpoint.ts";

/** One change to the outside world. */
export type Effect = {
  /** Such as "deploy", as it is stored. */
  kind: string;
  /** At most one effect happens per key, whoever asks and however often. */
  key: string;
  item: { id: string; line: string; client: string | null };
  runId?: string;
  agentId?: string;
  payload: object;
  cost?: Cost;
  /** What allows it: the owner's standing word (said where), or an approval of this very payload. */
  allowedBy: { standing: string } | { approvalId: string };
  actor: string;
  /** No switch refuses it. Only for what ends something on its owner's word: a stop must not stand in a stop's way. */
  evenIfStopped?: boolean;
};

/** How a kind of effect is done. */
export type Adapter = {
  kind: string;
  /** Doing it again after a crash in the middle finishes it, rather than doing it twice. */
  resumable: boolean;
  /** Returns what is worth keeping; throws a Failure if it did not happen. */
  perform(payload: object, signal: AbortSignal): Promise<{ result: object; cost?: Cost }>;
};

export type ActTools = {
  database: Database;
  tenantId: string;
  processId: string;
  clock: Clock;
  /** True if the process with this id, by the process table, lives. */
  processLives(tx: Tx, processId: string): Promise<boolean>;
};

export type Acted = {
  effectId: string;
  result: object;
  /** It had been done before; nothing was done now. */ replayed: boolean;
};

/**
 * Door 3. Every change to the outside world: switch → budget → approval (of this payload's hash) → idempotency → do →
 * cost → ledger. A dry run goes the same way with an adapter that only records. Nothing is open in the database while
 * it is done. What is refused is recorded with its rule, and thrown.
 */
export async function act(
  tools: ActTools,
  effect: Effect,
  adapter: Adapter,
  { dryRun = false, signal = new AbortController().signal } = {},
): Promise<Acted> {
  const started = await begin(tools, effect, adapter, dryRun);
  if ("done" in started) return started.done;
  if ("refusal" in started) throw started.refusal;
  const { effectId } = started;
  failpoint("effect.started");
  const { end: ended, failure } = await perform();
  failpoint("effect.performed");
  // It has happened (or not): whatever the database does meanwhile, this must get into it.
  await outlastDatabase(tools.database, () => end(tools, effect, effectId, ended));
  failpoint("effect.recorded");
  if (failure) throw failure.error;
  return { effectId, result: ended.result, replayed: false };

  async function perform(): Promise<{ end: End; failure?: { error: unknown } }> {
    try {
      const { result, cost } = await (dryRun ? recordOnly(effect) : adapter.perform(effect.payload, signal));
      return { end: { state: "done", result, cost: cost ?? effect.cost ?? {} } };
    } catch (error) {
      // What failed did not happen, or its adapter says so by being resumable; else nobody knows, and a person looks.
      const state = error instanceof Failure || adapter.resumable ? "failed" : "unknown";
      return { end: { state, result: { reason: messageOf(error) }, cost: {} }, failure: { error } };
    }
  }
}

type End = { state: "done" | "failed" | "unknown"; result: object; cost: Cost };

type Begun = { effectId: string } | { done: Acted } | { refusal: Failure };

async function begin(tools: ActTools, effect: Effect, adapter: Adapter, dryRun: boolean): Promise<Begun> {
  const { database, tenantId, clock } = tools;
  try {
    return await inTenant(database.app, tenantId, async (tx) => {
      await enterDoor(tx);
      if (!effect.evenIfStopped) await refuseIfStopped(tx, effect);
      const effectId = uuidv7();
      await reserve(tx, effect, effectId);
      await refuseUnapproved(tx, effect);
      return takeKey(tx, tools, effect, adapter, effectId, dryRun);
    });
  } catch (error) {
    if (error instanceof Failure) {
      const at = clock.now();
      await inTenant(database.app, tenantId, (tx) =>
        append(
          tx,
          { actor: effect.actor, at, rule: `effects.${(error as Failure).code}` },
          {
            type: "effect.refused",
            subject: effect.item.id,
            kind: effect.kind,
            key: effect.key,
            reason: (error as Failure).message,
          },
        ),
      );
    }
    throw error;
  }
}

async function refuseIfStopped(tx: Tx, { item, agentId, runId, kind }: Effect): Promise<void> {
  const standing = await switchAgainst(tx, {
    line: item.line,
    itemId: item.id,
    client: item.client,
    ...(agentId && { agentId }),
    ...(runId && { runId }),
  });
  if (standing)
    throw new Failure(
      "stopped",
      `${kind} was not done: ${describeScope(standing)} is stopped (${standing.reason}). \`steward resume\` lifts it.`,
    );
}

async function reserve(tx: Tx, { item, agentId = "", cost = {}, kind }: Effect, effectId: string): Promise<void> {
  const budgets = await lockBudgets(tx, {
    lines: [item.line],
    itemIds: [item.id],
    clients: item.client ? [item.client] : [],
    agentIds: agentId ? [agentId] : [],
  });
  const over = budgetsOver(budgets, { line: item.line, itemId: item.id, client: item.client, agentId });
  const full = tooSmall(over, cost);
  if (full)
    throw new Failure(
      "over_budget",
      `${kind} was not done: it would exceed the budget of ${full.scope} ${full.scope_id} per ${full.period} (${full.spent + full.reserved} of ${full.limit_amount} ${full.unit} are used).`,
    );
  await writeHolds(tx, hold(over, effectId, cost));
}

async function refuseUnapproved(tx: Tx, { allowedBy, payload, kind, item }: Effect): Promise<void> {
  if ("standing" in allowedBy) return;
  const approval = await tx
    .selectFrom("approval")
    .select(["state", "payload_hash"])
    .where("id", "=", allowedBy.approvalId)
    .executeTakeFirst();
  const hash = payloadHash({ kind, item: item.id, payload });
  if (approval?.state === "approved" && approval.payload_hash === hash) return;
  throw new Failure(
    "needs_approval",
    approval?.state === "approved"
      ? `${kind} was not done: what was approved is not what was to be done.`
      : `${kind} was not done: it waits for your approval.`,
  );
}

type Standing = {
  id: string;
  state: "doing" | "done" | "failed" | "unknown";
  result: object | null;
  process_id: string;
  attempt: number;
  payload_hash: string;
};

async function takeKey(
  tx: Tx,
  tools: ActTools,
  effect: Effect,
  adapter: Adapter,
  effectId: string,
  dryRun: boolean,
): Promise<Begun> {
  const at = tools.clock.now();
  const hash = payloadHash({ kind: effect.kind, item: effect.item.id, payload: effect.payload });
  const standing = dryRun
    ? undefined
    : (
        await sql<Standing>`
    select id, state, result, process_id, attempt, payload_hash from effect where key = ${effect.key} and not dry_run for update`.execute(
          tx,
        )
      ).rows[0];
  if (standing && standing.payload_hash !== hash)
    throw new Failure(
      "conflict",
      `The key ${effect.key} was used for another ${effect.kind}: one key is for one change.`,
    );
  if (standing?.state === "done") {
    await settle(tx, [{ holder: effectId, cost: {} }]);
    return { done: { effectId: standing.id, result: standing.result ?? {}, replayed: true } };
  }
  if (standing?.state === "unknown")
    throw new Failure(
      "needs_approval",
      `Nobody knows whether the ${effect.kind} of ${effect.key} happened: look, then ask again under another key.`,
    );
  if (standing?.state === "doing") {
    if (await tools.processLives(tx, standing.process_id))
      throw new Failure("conflict", `The ${effect.kind} of ${effect.key} is being done right now.`);
    if (!adapter.resumable) {
      // This must stay, so it is returned rather than thrown: a throw would roll it back.
      await sql`update effect set state = 'unknown', ended_at = ${at} where id = ${standing.id}`.execute(tx);
      await settle(tx, [{ holder: effectId, cost: {} }]);
      const refusal = new Failure(
        "needs_approval",
        `The process that did the ${effect.kind} of ${effect.key} died in the middle: look whether it happened.`,
      );
      return { refusal };
    }
  }
  const attempt = (standing?.attempt ?? 0) + 1;
  const id = standing?.id ?? effectId;
  if (standing) {
    // Its reservation was made under the new id; the row and its key stay the same.
    await sql`update reservation set holder = ${id} where holder = ${effectId}`.execute(tx);
    await sql`update effect set state = 'doing', attempt = ${attempt}, process_id = ${tools.processId}, started_at = ${at}, ended_at = null where id = ${id}`.execute(
      tx,
    );
  } else {
    const { rows } = await sql`
      insert into effect (id, tenant_id, key, kind, item_id, run_id, payload, payload_hash, dry_run, state, process_id, started_at)
      values (${id}, tenant_now(), ${effect.key}, ${effect.kind}, ${effect.item.id}, ${effect.runId ?? null}, ${JSON.stringify(effect.payload)}, ${hash}, ${dryRun}, 'doing', ${tools.processId}, ${at})
      on conflict (tenant_id, key) where not dry_run do nothing returning 1`.execute(tx);
    if (rows.length === 0)
      throw new Failure("conflict", `The ${effect.kind} of ${effect.key} is being done right now.`);
  }
  const rule =
    "standing" in effect.allowedBy
      ? `standing: ${effect.allowedBy.standing}`
      : `approval ${effect.allowedBy.approvalId}`;
  await append(
    tx,
    { actor: effect.actor, at, rule },
    { type: "effect.started", subject: id, kind: effect.kind, key: effect.key, payloadHash: hash, dryRun, attempt },
  );
  return { effectId: id };
}

async function end(
  { database, tenantId, clock }: ActTools,
  effect: Effect,
  effectId: string,
  { state, result, cost }: End,
): Promise<void> {
  const at = clock.now();
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`
      update effect set state = ${state}, result = ${toJson(result)}, cost_nano = ${cost.nano_usd ?? 0}, ended_at = ${at} where id = ${effectId}`.execute(
      tx,
    );
    await settle(tx, [{ holder: effectId, cost }]);
    const { kind, key } = effect;
    await append(tx, { actor: effect.actor, at }, state === "done"
      ? { type: "effect.done", subject: effectId, kind, key, costNano: cost.nano_usd ?? 0, result }
      : { type: "effect.failed", subject: effectId, kind, key, reason: "reason" in result ? String(result.reason) : state }); // prettier-ignore
  });
}

/** The adapter of a dry run: what would have been done is the result. */
async function recordOnly({ kind, payload, cost }: Effect): Promise<{ result: object; cost?: Cost }> {
  return { result: { would: kind, payload }, ...(cost && { cost: {} }) };
}
