import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { createTicket, ringReady } from "#dispatch/create-ticket.ts";
import { append, type Because } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { lineDifference, type LineDifference } from "#system/line-difference.ts";
import { uuidv7 } from "#system/ids.ts";
import { gateHashOf, keepControl, whoWorkedSince, type Control } from "./control.ts";
import {
  decideService,
  OWN_CAPABILITIES,
  REPAIR_PURPOSE,
  REPAIR_WINDOW_MS,
  type Decision,
  type History,
} from "./decide.ts";
import type { KnownFacts, SeenFacts } from "./facts.ts";
import { doubtProduction, type Signs } from "./doubt-production.ts";
import { detectPhase, type PhaseVerdict } from "./phase.ts";
import { releaseHash } from "./release-hash.ts";

/** One look at a service's folder, and what the owner's rules say of it. */
export type Look = {
  seen: SeenFacts;
  /** Null where there is none, or it could not be read. */
  specText: string | null;
  contentHash: string | null;
  control: Control;
  draftingAllowed: boolean;
  hasDeployTarget: boolean;
  /** The item's version before the look: an advance from an older look changes nothing. */
  version: number | null;
};

export type Advanced = { itemId: string; verdict: PhaseVerdict; decision: Decision };

type Item = {
  id: string; stage: string; phase: string; reasons: string[]; round: number; version: number; patience_from: Date; looked_at: Date | null; facts: { production?: Signs };
  content_hash: string | null; applied_hash: string | null; control: Control | null; release_hash: string | null; health: string; health_reason: string | null; gone_at: Date | null;
}; // prettier-ignore

/**
 * Moves a service along its line: records what was seen, opens a round where the spec changed, names the phase, and
 * asks for the next stage's work. Everything commits together, with each decision's facts and rule. Returns null if
 * somebody advanced it since the look: look again.
 */
export async function advanceService(tx: Tx, because: Because, look: Look): Promise<Advanced | null> {
  const item = await lockItem(tx, because, look);
  if (look.version !== null && item.version !== look.version) return null;
  const events: Event[] = [];
  const live = await liveTicket(tx, item.id);
  const worker = await whoWorkedSince(tx, item.id, item.looked_at);
  const ownersChange = noticeOwnersChange(item, look, worker !== null || live?.state === "claimed");
  const control = await keepControl(
    tx,
    because,
    { itemId: item.id, name: look.seen.name, before: item.control, now: look.control, worker },
    events,
  );
  const round = await keepRound(tx, because, item, look, live?.state === "claimed", events);
  const hashes = {
    gate: gateHashOf(control),
    release: await releaseHash(tx, {
      service: look.seen.name,
      control,
      policy: because.policy ?? null,
      before: item.release_hash ?? "",
    }),
  };
  const known = await whatIsKnown(tx, item, look, round, live, hashes);
  const before = item.facts.production ?? null;
  const { signs, seen } = await doubtProduction(tx, look.seen, {
    itemId: item.id,
    before,
    worker,
    since: item.looked_at,
  });
  const verdict = detectPhase({ seen, known }, { now: because.at });
  const past = await historyOf(tx, item, look, round, live, hashes, ownersChange ? because.at : item.patience_from);
  const history = { ...past, hired: known.hired };
  const decision = decideService(verdict, history);

  await cancelUnwanted(tx, because, live, decision, events, item.id);
  const moved = item.phase !== verdict.phase || item.stage !== verdict.stage;
  if (moved) {
    events.push({
      type: "item.moved",
      subject: item.id,
      key: look.seen.name,
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
  await append(tx, { ...because, rule: decision.rule }, ...events);
  if (decision.step) await askFor(tx, because, item.id, look, decision, verdict, round);
  const reasons =
    decision.does === "ask"
      ? [decision.why, ...verdict.reasons.filter((reason) => reason !== decision.why)]
      : verdict.reasons;
  await sql`
    update item set stage = ${verdict.stage}, phase = ${verdict.phase}, reasons = ${JSON.stringify(reasons)}, needs = ${verdict.needs},
      facts = ${JSON.stringify({ spec: look.seen.spec?.file ?? null, code: look.seen.code?.root ?? null, tests: look.seen.tests, settings: look.seen.settings, production: signs })},
      stack = ${look.seen.code?.stack ?? null}, port = coalesce(${control.settings.port ?? null}, port), owner = ${look.seen.settings.owner ?? null},
      client = ${look.seen.settings.client ?? null}, round = ${round.number}, content_hash = ${look.contentHash},
      control = ${JSON.stringify(control)}, gate_hash = ${hashes.gate}, release_hash = ${hashes.release}, folder = ${look.seen.path}, version = version + 1, looked_at = ${because.at}, gone_at = null,
      patience_from = case when ${ownersChange} then ${because.at} else patience_from end, updated_at = ${because.at}
    where id = ${item.id}`.execute(tx);
  return { itemId: item.id, verdict: { ...verdict, reasons }, decision };
}

/** "no key": rows that point at the item may be written meanwhile, or a claim and this would wait for each other. */
async function lockItem(tx: Tx, because: Because, { seen }: Look): Promise<Item> {
  const find = () =>
    sql<Item>`select id, stage, phase, reasons, round, version, patience_from, looked_at, facts, content_hash, applied_hash, control, release_hash, health, health_reason, gone_at
      from item where line = 'service' and key = ${seen.name} for no key update`.execute(tx);
  const there = (await find()).rows[0];
  if (there) return there;
  const id = uuidv7();
  const added = await sql<{ id: string }>`
    insert into item (id, tenant_id, line, key, folder, stage, phase, created_at, updated_at, patience_from)
    values (${id}, tenant_now(), 'service', ${seen.name}, ${seen.path}, 'SPECS', 'UNKNOWN', ${because.at}, ${because.at}, ${because.at})
    on conflict (tenant_id, line, key) do nothing returning id`.execute(tx);
  if (added.rows.length > 0)
    await append(tx, because, { type: "item.seen", subject: id, line: "service", key: seen.name, folder: seen.path });
  return (await find()).rows[0]!;
}

type Live = {
  id: string;
  kind: string;
  state: "ready" | "waiting" | "claimed";
  capability: string;
  dedupe_key: string;
  agent: string | null;
  started_at: Date | null;
};

/**
 * A ticket that is not claimed yet is held until this commits: claimed in the middle of it, it would not be cancelled
 * although something else is wanted by now, and two agents would be at work on the service. Claimers pass over what is
 * held, and are told to look again.
 */
async function liveTicket(tx: Tx, itemId: string): Promise<Live | undefined> {
  const { rows: held } = await sql`
    select 1 from ticket where item_id = ${itemId} and line = 'service' and state in ('waiting', 'ready') order by id for update`.execute(
    tx,
  );
  if (held.length > 0) await ringReady(tx);
  const { rows } = await sql<Live>`
    select t.id, t.kind, t.state, t.capability, t.dedupe_key, a.name as agent, r.started_at
    from ticket t left join run r on r.id = t.run_id left join agent a on a.id = r.agent_id
    where t.item_id = ${itemId} and t.line = 'service' and t.state in ('waiting', 'ready', 'claimed')
    order by t.state = 'claimed' desc, t.id limit 1`.execute(tx);
  return rows[0];
}

/**
 * Content that neither stood here at the last look nor was applied by Steward is the owner's, unless somebody was at work
 * since. Then patience begins anew.
 */
function noticeOwnersChange(item: Item, look: Look, running: boolean): boolean {
  if (look.contentHash === null || item.content_hash === null || running) return false;
  return look.contentHash !== item.content_hash && look.contentHash !== item.applied_hash;
}

type Round = { number: number; spec_hash: string; spec_text: string; difference: string | null; built_at: Date | null };

/** The round that runs. A spec that changed before anything was built of it is still the same round. */
async function keepRound(
  tx: Tx,
  because: Because,
  item: Item,
  look: Look,
  working: boolean,
  events: Event[],
): Promise<Round> {
  const text = look.specText ?? "";
  const hash = hashOf(text);
  const last = (
    await sql<Round>`
    select number, spec_hash, spec_text, difference, built_at from round where item_id = ${item.id} order by number desc limit 1`.execute(
      tx,
    )
  ).rows[0];
  if (last && (last.spec_hash === hash || look.specText === null)) {
    // Whoever wrote the code, it is there: from here on a changed spec is another round.
    if (last.number > 1 || last.built_at !== null || look.seen.code === null || working) return last;
    await sql`update round set built_at = ${because.at} where item_id = ${item.id} and number = ${last.number}`.execute(
      tx,
    );
    return { ...last, built_at: because.at };
  }
  if (last && last.built_at === null && !working) {
    // The work of this round has not begun, so there is nothing to differ from but the round before.
    const before = (
      await sql<Round>`select spec_text, number from round where item_id = ${item.id} and number = ${last.number - 1}`.execute(
        tx,
      )
    ).rows[0];
    const difference = before ? printed(lineDifference(before.spec_text, text)) : null;
    await sql`update round set spec_hash = ${hash}, spec_text = ${text}, difference = ${difference} where item_id = ${item.id} and number = ${last.number}`.execute(
      tx,
    );
    return { ...last, spec_hash: hash, spec_text: text, difference };
  }
  const round: Round = {
    number: (last?.number ?? 0) + 1,
    spec_hash: hash,
    spec_text: text,
    difference: last ? printed(lineDifference(last.spec_text, text)) : null,
    // What stood here before Steward came was built of the spec that stood beside it.
    built_at: last || look.seen.code === null ? null : because.at,
  };
  await sql`insert into round (item_id, tenant_id, number, spec_hash, spec_text, difference, opened_at, built_at)
    values (${item.id}, tenant_now(), ${round.number}, ${hash}, ${text}, ${round.difference}, ${because.at}, ${round.built_at})`.execute(
    tx,
  );
  events.push({
    type: "round.opened",
    subject: item.id,
    key: look.seen.name,
    round: round.number,
    why: last ? "its spec changed" : "first seen",
    difference: round.difference,
  });
  return round;
}

/** By which a verdict of the tests, and one of a release's health, must have been made to count. */
type Hashes = { gate: string; release: string };

async function whatIsKnown(
  tx: Tx,
  item: Item,
  look: Look,
  round: Round,
  live: Live | undefined,
  hashes: Hashes,
): Promise<KnownFacts> {
  const { rows: verdicts } = await sql<{ ok: boolean; reasons: string[]; facts: never }>`
    select ok, reasons, facts from verdict
    where item_id = ${item.id} and content_hash = ${look.contentHash}
      and ((gate = 'health' and settings_hash in ('', ${hashes.release})) or (gate = 'tests' and settings_hash = ${hashes.gate})) order by at desc limit 1`.execute(
    tx,
  );
  const { rows: deployed } = await sql<{
    version: string;
    content_hash: string;
    port: number | null;
    state: string;
    target: string;
  }>`
    select version, content_hash, port, state, target from deployment
    where item_id = ${item.id} and state in ('live', 'stopped') order by started_at desc limit 1`.execute(tx);
  const { rows: incidents } = await sql<{ exhausted: boolean }>`
    select steps @> '[{"did": "repair"}]' as exhausted from incident where item_id = ${item.id} and closed_at is null`.execute(
    tx,
  );
  const release = deployed[0];
  const unbuilt = round.number > 1 && round.built_at === null;
  const changed = release?.state === "live" && look.contentHash !== null && release.content_hash !== look.contentHash;
  return {
    running: true,
    liveRun: live?.state === "claimed" && !OWN_CAPABILITIES.includes(live.capability) && live.started_at !== null
      ? { agent: live.agent ?? "an agent", capability: live.capability, since: live.started_at }
      : null, // prettier-ignore
    verdict: verdicts[0] ?? null,
    deployed: release ? servesHow(release) : null,
    hired: release?.target === "agent" ? release.version : null,
    probe: item.health === "healthy" ? { healthy: true, reasons: [] }
      : item.health === "unhealthy" ? { healthy: false, reasons: [item.health_reason ?? "its health check fails"] } : null, // prettier-ignore
    recoveryExhausted: incidents[0]?.exhausted ?? false,
    openRound: unbuilt ? { specChange: summaryOf(round.difference) } : changed ? { specChange: null } : null,
    draftingAllowed: look.draftingAllowed,
    hasDeployTarget: look.hasDeployTarget,
  };
}

function servesHow({ version, port, state }: { version: string; port: number | null; state: string }): string {
  if (state === "stopped") return `release ${version} was stopped on your word`;
  return `release ${version} serves${port === null ? "" : ` on port ${port}`}`;
}

async function historyOf(
  tx: Tx,
  item: Item,
  look: Look,
  round: Round,
  live: Live | undefined,
  hashes: Hashes,
  since: Date,
): Promise<Omit<History, "hired">> {
  const { rows: ended } = await sql<{
    kind: string;
    state: string;
    dedupe_key: string;
    last_error: string | null;
    lately: boolean;
  }>`
    select kind, state, dedupe_key, last_error, ended_at > now() - make_interval(secs => ${REPAIR_WINDOW_MS / 1000}) as lately from ticket
    where item_id = ${item.id} and line = 'service' and state in ('failed', 'done') and ended_at >= ${since} and created_at >= ${since}`.execute(
    tx,
  );
  const purposeOf = (key: string) => key.slice(item.id.length + 1);
  return {
    name: look.seen.name,
    round: round.number,
    specHash: round.spec_hash,
    contentHash: look.contentHash,
    gateHash: hashes.gate,
    releaseHash: hashes.release,
    live: live
      ? { kind: live.kind, purpose: purposeOf(live.dedupe_key), claimed: live.state === "claimed" || isAsked(live) }
      : null,
    failed: new Map(
      ended
        .filter(({ state }) => state === "failed")
        .map(({ dedupe_key, last_error }) => [purposeOf(dedupe_key), last_error ?? "no reason was given"]),
    ),
    done: countBy(ended.filter(({ state }) => state === "done").map(({ dedupe_key }) => purposeOf(dedupe_key))),
    fixes: ended.filter(({ kind, state }) => kind === "fix" && state === "done").length,
    repairs: ended.filter(
      ({ state, dedupe_key, lately }) => state === "done" && lately && purposeOf(dedupe_key).startsWith(REPAIR_PURPOSE),
    ).length,
  };
}

/** What the owner asked for beside the line's own decision stays until it is done or they take it back. */
const isAsked = ({ dedupe_key }: Live): boolean => dedupe_key.includes(" asked ");

/** A ready ticket for what is no longer wanted goes; a claimed one is left to end. */
async function cancelUnwanted(
  tx: Tx,
  because: Because,
  live: Live | undefined,
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

async function askFor(
  tx: Tx,
  because: Because,
  itemId: string,
  look: Look,
  decision: Decision,
  verdict: PhaseVerdict,
  round: Round,
): Promise<void> {
  const step = decision.step!;
  const { rows } = await sql<{ facts: { output?: string } }>`
    select facts from verdict where item_id = ${itemId} and gate in ('tests', 'health') and content_hash = ${look.contentHash} order by at desc limit 1`.execute(
    tx,
  );
  await createTicket(tx, { ...because, rule: decision.rule }, {
    itemId,
    line: "service",
    kind: step.kind,
    capability: step.capability,
    title: step.title,
    dedupeKey: `${itemId} ${step.purpose}`,
    round: round.number,
    body: {
      service: look.seen.name,
      spec: look.seen.spec?.file ?? null,
      reasons: verdict.reasons,
      ...(step.kind === "deploy" ? { contentHash: look.contentHash } : {}),
      ...(step.kind === "build" && round.difference !== null ? { difference: round.difference } : {}),
      ...(step.kind === "fix" || step.kind === "tests" ? { output: rows[0]?.facts.output ?? null } : {}),
    },
  }); // prettier-ignore
}

function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}

function printed({ text }: LineDifference): string {
  return text;
}

function summaryOf(difference: string | null): string {
  const lines = difference?.split("\n") ?? [];
  const count = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return `${count("+")} lines added, ${count("-")} removed`;
}

function hashOf(text: string): string {
  return createHash("sha256").update(text).digest("hex");
}
