import { sql } from "kysely";
import { escapeLiteral } from "pg";
import type { Tx } from "#db/db.ts";
import type { Control } from "./control.ts";
import type { Signs } from "./doubt-production.ts";
import type { ReleaseRules } from "./release-hash.ts";

/** Where a service stands by the tables: all that a look at its folder is held against. */
export type Standing = {
  item: Item;
  /** The work that is asked for or under way; a claimed one first. */
  live: Live | null;
  /** The hired agent that is at work on it, or was since the last look: what changed since may be its doing, also past
   * its own folder. Steward's own agents write nowhere else. */
  worker: string | null;
  /** Steward has released it at some time. */
  released: boolean;
  round: Round | null;
  /** The last of each gate and settings about the content as it is now, the newest first. */
  verdicts: StoredVerdict[];
  deployed: { version: string; content_hash: string; port: number | null; state: "live" | "stopped"; target: string } | null;
  /** Of the incident that is open: recovery has done what it can. */
  exhausted: boolean;
  /** Tickets that ended since the owner's last word. */
  ended: EndedTicket[];
  rules: ReleaseRules | null;
}; // prettier-ignore

export type Item = {
  id: string; stage: string; phase: string; reasons: string[]; version: number; facts: { production?: Signs };
  content_hash: string | null; applied_hash: string | null; control: Control | null; control_proposed: Control["settings"] | null;
  release_hash: string | null; health: string; health_reason: string | null; patience_from: Date;
}; // prettier-ignore

export type Live = {
  id: string;
  kind: string;
  state: "ready" | "waiting" | "claimed";
  capability: string;
  dedupe_key: string;
  agent: string | null;
  started_at: Date | null;
};

/** The round that runs; its spec's text is asked for where it is needed. */
export type Round = { number: number; spec_hash: string; difference: string | null; built_at: Date | null };

export type StoredVerdict = {
  gate: string;
  settings_hash: string;
  ok: boolean;
  reasons: string[];
  facts: { output?: string };
};

export type EndedTicket = {
  kind: string;
  state: "done" | "failed";
  dedupe_key: string;
  last_error: string | null;
  /** Within REPAIR_WINDOW_MS. */
  lately: boolean;
};

/**
 * Locks a service's row, and those of its tickets that nobody has claimed, until the transaction ends. One statement's
 * text without parameters, so that it costs no round trip of its own (see inTenant).
 *
 * The item "for no key update": rows that point at it may be written meanwhile, or a claim and this would wait for each
 * other. The tickets because one that is claimed in the middle would not be cancelled although something else is wanted
 * by now, and two agents would be at work on the service; claimers pass over what is held, and are told to look again.
 */
export function lockService(name: string): string {
  const key = escapeLiteral(name);
  return `select 1 from item where line = 'service' and key = ${key} for no key update;
    select 1 from ticket where item_id = (select id from item where line = 'service' and key = ${key}) and line = 'service'
      and state in ('waiting', 'ready') order by id for update`;
}

/** Null if it was never seen. One statement: each look takes it, of thousands of services after a start. */
export async function readStanding(
  tx: Tx,
  {
    name,
    contentHash,
    policy,
    repairWindowMs,
  }: { name: string; contentHash: string | null; policy: string | null; repairWindowMs: number },
): Promise<Standing | null> {
  const { rows } = await sql<Found>`/*service.standing*/
    select i.id, i.stage, i.phase, i.reasons, i.version, i.facts, i.content_hash, i.applied_hash, i.control, i.control_proposed,
      i.release_hash, i.health, i.health_reason, i.patience_from,
      to_jsonb(live) as live, worker.name as worker, to_jsonb(last_round) as round, to_jsonb(deployed) as deployed, to_jsonb(rules) as rules,
      coalesce(incident.exhausted, false) as exhausted,
      exists (select 1 from deployment d where d.item_id = i.id and d.state in ('live', 'superseded', 'rolled_back', 'stopped')) as released,
      (select coalesce(jsonb_agg(to_jsonb(v) order by v.at desc), '[]') from (
        select distinct on (gate, settings_hash) gate, settings_hash, ok, reasons, facts, at from verdict
        where item_id = i.id and content_hash = ${contentHash} and gate in ('tests', 'health')
        order by gate, settings_hash, at desc) v) as verdicts,
      (select coalesce(jsonb_agg(jsonb_build_object('kind', kind, 'state', state, 'dedupe_key', dedupe_key, 'last_error', last_error,
          'lately', ended_at > now() - make_interval(secs => ${repairWindowMs / 1000})) order by id), '[]') from ticket
        where item_id = i.id and line = 'service' and state in ('failed', 'done')
          and ended_at >= i.patience_from and created_at >= i.patience_from) as ended
    from item i
    left join lateral (
      select t.id, t.kind, t.state, t.capability, t.dedupe_key, a.name as agent, r.started_at
      from ticket t left join run r on r.id = t.run_id left join agent a on a.id = r.agent_id
      where t.item_id = i.id and t.line = 'service' and t.state in ('waiting', 'ready', 'claimed')
      order by t.state = 'claimed' desc, t.id limit 1) live on true
    left join lateral (
      select a.name from ticket t join run r on r.ticket_id = t.id join agent a on a.id = r.agent_id
      where t.item_id = i.id and a.kind <> 'builtin' and (r.state <> 'ended' or r.ended_at > coalesce(i.looked_at, 'epoch')) limit 1) worker on true
    left join lateral (
      select number, spec_hash, difference, built_at from round where item_id = i.id order by number desc limit 1) last_round on true
    left join lateral (
      select version, content_hash, port, state, target from deployment
      where item_id = i.id and state in ('live', 'stopped') order by started_at desc limit 1) deployed on true
    left join lateral (
      select steps @> '[{"did": "repair"}]' as exhausted from incident where item_id = i.id and closed_at is null) incident on true
    left join lateral (
      select coalesce(body->'service'->i.key->'deploy', body->'deploy') as deploy, body->'service'->i.key->'environment' as environment,
        (select jsonb_agg(jsonb_build_array(name, extract(epoch from set_at)) order by name) from secret where service = i.key) as secrets
      from policy where version = ${policy}) rules on true
    where i.line = 'service' and i.key = ${name}`.execute(tx);
  return rows[0] ? standingOf(rows[0]) : null;
}

type Found = Item & Omit<Standing, "item" | "live" | "round"> & {
  live: (Omit<Live, "started_at"> & { started_at: string | null }) | null;
  round: (Omit<Round, "built_at"> & { built_at: string | null }) | null;
}; // prettier-ignore

/** Times within jsonb are text. */
function standingOf({
  live,
  worker,
  released,
  round,
  verdicts,
  deployed,
  exhausted,
  ended,
  rules,
  ...item
}: Found): Standing {
  const time = (text: string | null) => (text === null ? null : new Date(text));
  return {
    item,
    live: live && { ...live, started_at: time(live.started_at) },
    worker,
    released,
    round: round && { ...round, built_at: time(round.built_at) },
    verdicts,
    deployed,
    exhausted,
    ended,
    rules,
  };
}
