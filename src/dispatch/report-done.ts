import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import { withCommit } from "#db/together.ts";
import type { Report } from "#dispatch/report.ts";
import { appendedRows, eventRow } from "#ledger/append.ts";
import { settled } from "#policy/budgets.ts";

/**
 * Ends runs whose work is there, which most of them do, in one statement: what becomes of their tickets needs no look
 * first. By the same rules as `report`: a report whose fence and run are not the ticket's changes nothing but is put in the ledger.
 * `commit` ends the transaction with it, in the same round trip. Returns the ids of the tickets whose report was accepted.
 */
export async function reportDone(
  tx: Tx,
  at: Date,
  reports: (Report & { outcome: "done" })[],
  { commit = false }: { commit?: boolean } = {},
): Promise<Set<string>> {
  if (reports.length === 0) return new Set();
  // In the tickets' order, in which whoever else takes several of them locks them, too.
  const inOrder = reports.toSorted((one, other) => (one.ticketId < other.ticketId ? -1 : 1));
  const rows = inOrder.map(({ ticketId, runId, fence, detail = {}, cost = {} }, place) => ({ place, ticket: ticketId, run: runId, fence, detail, cost })); // prettier-ignore
  const { rows: accepted } = await sql<{ id: string }>`/*report.done*/${withCommit(commit)}
    with c as (
      select * from jsonb_to_recordset(${toJson(rows)}::jsonb) as c(place int, ticket uuid, run uuid, fence bigint, detail jsonb, cost jsonb)
    ), tickets as (
      update ticket t set state = 'done', outcome = 'done', last_error = null, lease_kind = null, lease_until = null, stop_reason = null,
        ready_at = now(), updated_at = ${at}, ended_at = ${at}
      from c where t.id = c.ticket and t.id = any(${rows.map(({ ticket }) => ticket)}::uuid[]) and ${ticketIsClaimed}
        and t.fence = c.fence and t.run_id = c.run
      returning t.id, t.item_id, c.place, c.run, c.detail, c.cost
    ), runs as (
      update run r set state = 'ended', outcome = 'done', ended_at = ${at}, detail = r.detail || tickets.detail,
        cost_nano = coalesce((tickets.cost ->> 'nano_usd')::bigint, 0)
      from tickets where r.id = tickets.run and r.id = any(${reports.map(({ runId }) => runId)}::uuid[])
      returning r.id, r.started_at, tickets.cost
    ), ${settled(
      reports.map(({ runId }) => runId),
      sql`select id as holder, jsonb_build_object('runs', 1, 'seconds', extract(epoch from ${at} - started_at)) || cost as cost from runs`,
    )}, ${appendedRows(
      { actor: "steward", at, rule: "dispatch.report" },
      sql`select e.id, e.type, e.subject, case e.type when 'ticket.done' then e.body || jsonb_build_object('item', tickets.item_id) else e.body end as body
        from jsonb_to_recordset(${toJson(inOrder.flatMap(eventsOf))}::jsonb)
          as e(place int, accepted boolean, id uuid, type text, subject text, body jsonb)
        left join tickets on tickets.place = e.place where (tickets.place is not null) = e.accepted`,
    )}
    select id, pg_notify('steward_look', item_id::text) from tickets`.execute(tx);
  return new Set(accepted.map(({ id }) => id));
}

/**
 * Said so that no plan can rest on it: planned while there are few tickets, a plain comparison has the indexes of live
 * tickets read from end to end, and the one of the ids not (195 ms with 60,000 waiting, so 3 ms).
 */
export const ticketIsClaimed = sql<boolean>`case when t.state = 'claimed' then true end`;

/** What will have happened if the report is accepted, and if it is not. The ticket's item is known to the statement. */
function eventsOf({ ticketId: ticket, runId: run, fence, agent, outcome, detail = {} }: Report, place: number) {
  return [
    { place, accepted: true, ...eventRow({ type: "run.reported", subject: run, ticket, agent, outcome, detail }) },
    { place, accepted: true, ...eventRow({ type: "ticket.done", subject: ticket, item: "", run, fence }) },
    { place, accepted: false, ...eventRow({ type: "run.stale_report_refused", subject: run, ticket, fence }) },
  ];
}
