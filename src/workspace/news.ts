import { createHash } from "node:crypto";
import { sql, type RawBuilder } from "kysely";
import type { Tx } from "#db/db.ts";

/** A service as the tables have it. */
export type KnownItem = {
  id: string;
  key: string;
  version: number;
  phase: string;
  health: string;
  gone: boolean;
  port: number | null;
  /** Steward has released it, or tried to. */
  deployed: boolean;
  /** It has work that waits, or that runs and was not asked to stop. */
  hasWork: boolean;
  /** What its last look went by: `${stampOfFiles} ${news}`. Null before the first one. */
  stamp: string | null;
  /** Changes with everything in the tables that a look goes by, and that is not made by a look itself. */
  news: string;
};

/**
 * Every service, or those of these names, in one query. Taken before a look, `news` says whether there is anything to
 * see after it: no clock is compared, so nothing that commits meanwhile is missed, whoever reported it and died.
 */
export async function knownItems(
  tx: Tx,
  { keys, ids }: { keys?: string[]; ids?: string[] } = {},
): Promise<KnownItem[]> {
  const which: RawBuilder<unknown> = keys ? sql`and i.key = any(${keys})` : ids ? sql`and i.id = any(${ids})` : sql``;
  const { rows } = await sql<KnownItem>`
    select i.id, i.key, i.version, i.phase, i.health, i.gone_at is not null as gone, i.stamp, i.port, deployments.states is not null as deployed, tickets.live > 0 as "hasWork",
      md5(concat_ws('/', i.health, i.health_reason, nullif(i.patience_from, i.created_at), i.applied_hash, tickets.ended, tickets.last, tickets.run, verdict.id,
        deployments.states, incident.steps, answers.last, secrets.set)) as news
    from item i
    left join lateral (
      select count(*) filter (where t.state in ('done', 'failed')) as ended, max(t.ended_at) filter (where t.state in ('done', 'failed')) as last,
        max(t.run_id::text) filter (where t.state = 'claimed') as run,
        count(*) filter (where t.state in ('ready', 'waiting') or (t.state = 'claimed' and t.stop_reason is null)) as live
      from ticket t where t.item_id = i.id) tickets on true
    left join lateral (select v.id from verdict v where v.item_id = i.id order by v.at desc limit 1) verdict on true
    left join lateral (
      select string_agg(concat_ws(' ', d.version, d.state, d.port), ',' order by d.started_at) as states
      from deployment d where d.item_id = i.id) deployments on true
    left join lateral (
      select string_agg(concat_ws(' ', s.name, extract(epoch from s.set_at)), ',' order by s.name) as set
      from secret s where s.service = i.key) secrets on true
    left join incident on incident.item_id = i.id and incident.closed_at is null
    left join (
      select item_id, max(decided_at) as last from approval where state in ('approved', 'declined', 'expired') group by item_id
    ) answers on answers.item_id = i.id
    where i.line = 'service' ${which}`.execute(tx);
  return rows;
}

/** Of a service that is seen for the first time: there is nothing yet but the row. */
export const noNews = createHash("md5").update("unknown/0").digest("hex");

/** The tables have changed since the last look. */
export const hasNews = ({ stamp, news }: KnownItem): boolean => stamp?.split(" ")[1] !== news;

/** Notes what looks went by, in one statement. Called when all that they had to write is written. */
export async function saveStamps(tx: Tx, stamps: ReadonlyMap<string, string>): Promise<void> {
  const rows = [...stamps].toSorted(([a], [b]) => (a < b ? -1 : 1));
  await sql`
    update item i set stamp = s.stamp
    from unnest(${rows.map(([id]) => id)}::uuid[], ${rows.map(([, stamp]) => stamp)}::text[]) as s(id, stamp) where i.id = s.id`.execute(
    tx,
  );
}
