import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { ticketIsQuiet } from "#policy/quiet-hours.ts";
import { ticketIsStopped } from "#policy/switches.ts";

type Row = {
  id: string;
  state: string;
  ready_at: Date;
  capability: string;
  attempt: number;
  last_error: string | null;
  /** The scopes of the switches that stop it, as `steward resume` takes them. */
  stopped: string | null;
  quiet: boolean;
  unapproved: boolean;
  blocked_by: string[] | null;
  able: number;
  willing: number;
  /** Of the willing, those that a switch stops. */
  shut: string[] | null;
  over: string[] | null;
};

/**
 * What each live ticket waits for, in a sentence: the same guards as the claim's, asked one by one. A ticket that is
 * worked on, or that nothing holds back, is not in the answer.
 */
export async function explainWaits(tx: Tx, at: Date, ticketIds: string[]): Promise<Map<string, string>> {
  const { rows } = await sql<Row>`
    select t.id, t.state, t.ready_at, t.capability, t.attempt, t.last_error, case when ${ticketIsStopped} then coalesce((select string_agg(distinct case s.scope when 'everything' then 'everything' when 'item' then i.key else s.scope || ':' || s.scope_id end, ', ')
        from switch s where s.lifted_at is null and (s.scope = 'everything' or (s.scope = 'line' and s.scope_id = t.line)
          or (s.scope = 'item' and s.scope_id = t.item_id::text) or (s.scope = 'client' and s.scope_id = i.client))), '') end as stopped, ${ticketIsQuiet} as quiet,
      t.approval_id is not null and not exists (select 1 from approval a where a.id = t.approval_id and a.state = 'approved') as unapproved,
      (select array_agg(o.title) from blocker b join ticket o on o.id = b.blocked_by where b.ticket_id = t.id and o.state <> 'done') as blocked_by,
      (select count(*)::int from agent a where t.capability = any(a.capabilities) and a.off_at is null) as able,
      (select count(*)::int from agent a where t.capability = any(a.capabilities) and a.off_at is null and not a.id = any(t.refused_by)) as willing,
      (select array_agg(a.name order by a.name) from agent a join switch s on s.scope = 'agent' and s.scope_id = a.id::text and s.lifted_at is null
        where t.capability = any(a.capabilities) and a.off_at is null and not a.id = any(t.refused_by)) as shut,
      (select array_agg(b.scope || ' ' || b.scope_id || ' per ' || b.period) from budget b where b.spent + b.reserved >= b.limit_amount and (b.period = 'ever' or b.period_start >= date_trunc(b.period, now()))
        and (b.scope = 'everything' or (b.scope = 'line' and b.scope_id = t.line) or (b.scope = 'item' and b.scope_id = t.item_id::text)
          or (b.scope = 'client' and b.scope_id = i.client))) as over
    from ticket t join item i on i.id = t.item_id where t.id = any(${ticketIds}) and t.state in ('ready', 'waiting')`.execute(
    tx,
  );
  return new Map(rows.map((row) => [row.id, sentence(row, at)]));
}

/** Of such a sentence: it will be so until the owner does something. */
export const isForTheOwner = (waits: string | null): boolean =>
  waits !== null && /^(?:stopped by|a budget is used up|waits for (?:an|another) agent)/.test(waits);

function sentence(row: Row, at: Date): string {
  if (row.stopped !== null)
    return `stopped by a switch on ${row.stopped}: \`steward resume ${row.stopped === "everything" ? "" : row.stopped}\` lifts it`.replace(
      "resume `",
      "resume`",
    );
  if (row.unapproved) return "waits for your approval";
  if (row.blocked_by) return `waits for ${row.blocked_by.join(", ")}`;
  if (row.quiet) return "quiet hours";
  if (row.over) return `a budget is used up: ${row.over.join(", ").trim()}`;
  if (row.able === 0) {
    const hint =
      row.capability === "devops"
        ? "; or declare a target under `deploy:` in steward.yaml, and Steward releases it"
        : "";
    return `waits for an agent with the capability ${row.capability}: there is none${hint}`;
  }
  if (row.willing === 0)
    return `waits for another agent with the capability ${row.capability}: ${row.last_error ?? "every one refused it"}`;
  if (row.shut?.length === row.willing)
    return `waits for an agent with the capability ${row.capability}: ${row.shut.join(", ")} is stopped: \`steward resume agent:${row.shut[0]}\` lifts it`;
  if (row.ready_at > at) {
    const seconds = Math.ceil((row.ready_at.getTime() - at.getTime()) / 1000);
    return `tried again in ${seconds} s (${row.attempt} so far): ${row.last_error ?? "it failed"}`;
  }
  return `waits for a free agent with the capability ${row.capability}`;
}
