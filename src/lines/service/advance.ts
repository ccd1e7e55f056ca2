import { sql } from "kysely";
import { inTenant, type Db, type Tx } from "#db/db.ts";
import { createTicket, ringReady } from "#dispatch/create-ticket.ts";
import { appended, type Because } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { ask } from "#policy/approvals.ts";
import { uuidv7 } from "#system/ids.ts";
import { gateHashOf, keepControl, type Control } from "./control.ts";
import { decideService, REPAIR_WINDOW_MS, type Decision } from "./decide.ts";
import { doubtProduction, type Signs } from "./doubt-production.ts";
import type { SeenFacts } from "./facts.ts";
import { historyOf, isAsked, whatIsKnown, type Hashes } from "./known-facts.ts";
import { detectPhase, type PhaseVerdict } from "./phase.ts";
import { releaseHash } from "./release-hash.ts";
import { keepRound } from "./round.ts";
import { lockService, readStanding, type Item, type Live, type Round, type Standing } from "./standing.ts";

/** One look at a service's folder, and what the owner's rules say of it. */
export type Look = {
  seen: SeenFacts;
  /** Null where there is none, or it could not be read. */
  specText: string | null;
  contentHash: string | null;
  control: Control;
  draftingAllowed: boolean;
  hasDeployTarget: boolean;
  /** Before anything was read: what a run did after that may not be in what was read. */
  begunAt: Date;
  /** The item's version before the look: an advance from an older look changes nothing. */
  version: number | null;
};

export type Advanced = { itemId: string; verdict: PhaseVerdict; decision: Decision };

/**
 * Moves a service along its line: records what was seen, opens a round where the spec changed, names the phase, and
 * asks for the next stage's work. Everything commits together, with each decision's facts and rule. Returns null if
 * somebody advanced it since the look: look again.
 *
 * It stands in the way from a saved spec to an agent at work, and a start takes it for every service: five round trips,
 * of which one opens a ticket.
 */
export async function advanceService(db: Db, tenantId: string, because: Because, look: Look): Promise<Advanced | null> {
  return inTenant(db, tenantId, (tx) => advance(tx, because, look), { first: lockService(look.seen.name) });
}

async function advance(tx: Tx, because: Because, look: Look): Promise<Advanced | null> {
  const { name } = look.seen;
  const standing = (await standingOf(tx, because, look)) ?? (await firstSeen(tx, because, look));
  const { item, live, worker } = standing;
  if (look.version !== null && item.version !== look.version) return null;
  if (live !== null && live.state !== "claimed") await ringReady(tx); // Claimers passed it over while it was locked.

  const working = live?.state === "claimed";
  const anew = noticeOwnersChange(item, look, working || worker !== null);
  // Of a folder that cannot be read nobody knows what it says: what it said stands.
  const control = look.seen.unreadable === null ? look.control : (item.control ?? look.control);
  const kept = keepControl({ itemId: item.id, name, before: item.control, proposed: item.control_proposed, now: control, worker }); // prettier-ignore
  const events = [...kept.events];
  if (kept.question) await ask(tx, { ...because, rule: "control.changed_during_run" }, kept.question);
  const round = await keepRound(
    tx,
    because.at,
    { itemId: item.id, name, last: standing.round, specText: look.specText, hasCode: look.seen.code !== null, working },
    events,
  );
  const hashes = {
    gate: gateHashOf(kept.control),
    release: releaseHash(kept.control, standing.rules, { before: item.release_hash ?? "" }),
  };
  const known = whatIsKnown(standing, round, hashes, look);
  const { signs, seen } = doubtProduction(look.seen, { ...standing, before: item.facts.production ?? null });
  const verdict = detectPhase({ seen, known }, { now: because.at });
  const history = historyOf(standing, round, hashes, { name, contentHash: look.contentHash, anew });
  const decision = decideService(verdict, history);

  await cancelUnwanted(tx, because, live, decision, events, item.id);
  const moved = item.phase !== verdict.phase || item.stage !== verdict.stage;
  if (moved) {
    events.push({
      type: "item.moved",
      subject: item.id,
      key: name,
      fromStage: item.stage,
      fromPhase: item.phase,
      stage: verdict.stage,
      phase: verdict.phase,
      reasons: verdict.reasons,
    });
  }
  const asksAnew = decision.step !== undefined && live?.dedupe_key !== `${item.id} ${decision.step.purpose}`;
  if (moved || asksAnew || (decision.does === "ask" && item.reasons[0] !== decision.why)) {
    events.push({
      type: "item.decided",
      subject: item.id,
      phase: verdict.phase,
      stage: verdict.stage,
      reasons: verdict.reasons,
      needs: verdict.needs,
      does: decision.does,
      facts: { seen: look.seen, known, history: { ...history, failed: [...history.failed], done: [...history.done] } },
    });
  }
  const reasons =
    decision.does === "ask"
      ? [decision.why, ...verdict.reasons.filter((reason) => reason !== decision.why)]
      : verdict.reasons;
  const now = {
    verdict: { ...verdict, reasons },
    control: kept.control,
    proposed: kept.proposed,
    signs,
    anew,
    round,
    hashes,
  };
  await write(tx, { ...because, rule: decision.rule }, item, look, now, events);
  if (asksAnew) await askFor(tx, because, standing, look, decision, verdict, round);
  return { itemId: item.id, verdict: now.verdict, decision };
}

function standingOf(tx: Tx, { policy }: Because, { seen: { name }, contentHash }: Look): Promise<Standing | null> {
  return readStanding(tx, { name, contentHash, policy: policy ?? null, repairWindowMs: REPAIR_WINDOW_MS });
}

async function firstSeen(tx: Tx, because: Because, look: Look): Promise<Standing> {
  const { name, path } = look.seen;
  const id = uuidv7();
  const seen: Event = { type: "item.seen", subject: id, line: "service", key: name, folder: path };
  await sql`
    with inserted as (
      insert into item (id, tenant_id, line, key, folder, stage, phase, created_at, updated_at, patience_from)
      values (${id}, tenant_now(), 'service', ${name}, ${path}, 'SPECS', 'UNKNOWN', ${because.at}, ${because.at}, ${because.at})
      on conflict (tenant_id, line, key) do nothing returning id
    ), ${appended(because, [seen], { where: sql<boolean>`exists (select 1 from inserted)` })}
    select 1`.execute(tx);
  // Somebody else may have been first.
  await sql.raw(lockService(name)).execute(tx);
  return (await standingOf(tx, because, look))!;
}

/**
 * Content that neither stood here at the last look nor was applied by Steward is the owner's, unless somebody was at work
 * since. Then patience begins anew.
 */
function noticeOwnersChange(item: Item, look: Look, running: boolean): boolean {
  if (look.contentHash === null || item.content_hash === null || running) return false;
  return look.contentHash !== item.content_hash && look.contentHash !== item.applied_hash;
}

/** A ready ticket for what is no longer wanted goes; a claimed one is left to end. */
async function cancelUnwanted(
  tx: Tx,
  because: Because,
  live: Live | null,
  decision: Decision,
  events: Event[],
  itemId: string,
): Promise<void> {
  if (!live || live.state === "claimed" || isAsked(live)) return;
  if (decision.step && live.dedupe_key === `${itemId} ${decision.step.purpose}`) return;
  const reason = `no longer wanted: ${decision.why}`;
  const { rows } = await sql<{ id: string }>`
    update ticket set state = 'cancelled', outcome = 'cancelled', last_error = ${reason}, ended_at = ${because.at}, updated_at = ${because.at}
    where id = ${live.id} and state in ('waiting', 'ready') returning id`.execute(tx);
  if (rows.length > 0) events.push({ type: "ticket.cancelled", subject: live.id, item: itemId, reason });
}

type Now = {
  verdict: PhaseVerdict;
  control: Control;
  proposed: Control["settings"] | null;
  signs: Signs;
  /** Patience begins anew. */
  anew: boolean;
  round: Round;
  hashes: Hashes;
};

async function write(
  tx: Tx,
  because: Because,
  item: Item,
  { seen, contentHash, begunAt }: Look,
  { verdict, control, proposed, signs, anew, round, hashes }: Now,
  events: Event[],
): Promise<void> {
  const facts = { spec: seen.spec?.file ?? null, code: seen.code?.root ?? null, tests: seen.tests, settings: seen.settings, production: signs }; // prettier-ignore
  await sql`/*service.advance*/
    with ${appended(because, events)}
    update item set stage = ${verdict.stage}, phase = ${verdict.phase}, reasons = ${JSON.stringify(verdict.reasons)}, needs = ${verdict.needs},
      facts = ${JSON.stringify(facts)}, stack = ${seen.code?.stack ?? null}, port = coalesce(${control.settings.port ?? null}, port),
      owner = ${seen.settings.owner ?? null}, client = ${seen.settings.client ?? null}, round = ${round.number}, content_hash = ${contentHash},
      control = ${JSON.stringify(control)}, control_proposed = ${proposed && JSON.stringify(proposed)}, gate_hash = ${hashes.gate},
      release_hash = ${hashes.release}, folder = ${seen.path}, version = version + 1, looked_at = ${begunAt}, gone_at = null,
      patience_from = case when ${anew} then ${because.at} else patience_from end, updated_at = ${because.at}
    where id = ${item.id}`.execute(tx);
}

async function askFor(
  tx: Tx,
  because: Because,
  { item, verdicts }: Standing,
  look: Look,
  decision: Decision,
  verdict: PhaseVerdict,
  round: Round,
): Promise<void> {
  const step = decision.step!;
  await createTicket(tx, { ...because, rule: decision.rule }, {
    itemId: item.id,
    line: "service",
    kind: step.kind,
    capability: step.capability,
    title: step.title,
    dedupeKey: `${item.id} ${step.purpose}`,
    round: round.number,
    body: {
      service: look.seen.name,
      spec: look.seen.spec?.file ?? null,
      reasons: verdict.reasons,
      ...(step.kind === "deploy" ? { contentHash: look.contentHash } : {}),
      ...(step.kind === "build" && round.difference !== null ? { difference: round.difference } : {}),
      ...(step.kind === "fix" || step.kind === "tests" ? { output: verdicts[0]?.facts.output ?? null } : {}),
    },
  }); // prettier-ignore
}
