import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import { ringReady } from "#dispatch/create-ticket.ts";
import { appended } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { reportDone, ticketIsClaimed } from "#dispatch/report-done.ts";
import { actualRows, type Cost, settled } from "#policy/budgets.ts";

/** How a run ended, as far as its ticket goes. */
export type Outcome =
  /** The stage's work is there. */
  | { outcome: "done" }
  /** It went wrong; the ticket is tried again after a while, or has failed when its attempts are used up. */
  | { outcome: "failed"; reason: string }
  /** The agent will not do this one; another may. It does not count as an attempt. */
  | { outcome: "refused"; reasons: string[] }
  /** The worker is gone, the work not at fault: it is tried again at once. It counts as a loss, not as an attempt. */
  | { outcome: "lost"; reason: string }
  /** A switch or a person ended it; the ticket is ready again when the switch is lifted. It does not count as an attempt. */
  | { outcome: "stopped"; reason: string }
  /** Nobody wants it any more. */
  | { outcome: "cancelled"; reason: string };

export type Report = Outcome & {
  ticketId: string;
  runId: string;
  fence: number;
  agent: string;
  detail?: object;
  cost?: Cost;
};

type Row = {
  id: string;
  item_id: string;
  run_id: string;
  fence: number;
  attempt: number;
  max_attempts: number;
  losses: number;
  started_at: Date;
  agent_id: string;
  gone: boolean;
};

/** First retry after 5 s, doubling to 5 minutes: long enough for a flaky network, short enough to be back for lunch. */
const RETRY_SECONDS = { first: 5, most: 300 };

/** The first three lost workers cost the ticket nothing; then it waits, and one that has lost 25 is what kills them. */
const LOSSES = { free: 3, most: 25, mostSeconds: 10 };

/**
 * Ends runs. A report counts only while its fence is the ticket's: a late or second one changes nothing but is put in
 * the ledger. Returns the ids of the tickets whose report was accepted.
 */
export async function report(tx: Tx, at: Date, reports: Report[]): Promise<Set<string>> {
  if (isAllDone(reports)) return reportDone(tx, at, reports);
  const { rows } = await sql<Row>`/*report.look*/
    select t.id, t.item_id, t.run_id, t.fence, t.attempt, t.max_attempts, t.losses, r.started_at, r.agent_id, i.gone_at is not null as gone
    from ticket t join run r on r.id = t.run_id join item i on i.id = t.item_id
    where t.id = any(${reports.map(({ ticketId }) => ticketId)}) and ${ticketIsClaimed}
    order by t.id for update of t`.execute(tx);
  const live = new Map(rows.map((row) => [row.id, row]));
  const accepted = reports.filter(
    ({ ticketId, fence, runId }) => live.get(ticketId)?.fence === fence && live.get(ticketId)?.run_id === runId,
  );

  const changes = accepted.map((one) => ({
    ...one,
    row: live.get(one.ticketId)!,
    ...nextState(one, live.get(one.ticketId)!, at),
  }));
  await write(tx, at, changes, [...changes.flatMap(eventsOf), ...staleEvents(reports, accepted)]);
  if (changes.some(({ state }) => state === "ready")) await ringReady(tx);
  return new Set(accepted.map(({ ticketId }) => ticketId));
}

/** True if nothing has to be read to know what becomes of these tickets. */
export function isAllDone(reports: Report[]): reports is (Report & { outcome: "done" })[] {
  return reports.every(({ outcome }) => outcome === "done");
}

type Next = {
  state: "done" | "ready" | "failed" | "cancelled";
  attempt: number;
  losses: number;
  readyAt: Date;
  error: string | null;
  refusal: string | null;
};
type Change = Report & Next & { row: Row };

function nextState(one: Report, row: Row, at: Date): Next {
  const stay = { attempt: row.attempt, losses: row.losses, readyAt: at, error: null, refusal: null };
  // Nothing is left to try it on. Should the folder come back, its line asks anew.
  if (row.gone && one.outcome !== "done") return { ...stay, state: "cancelled", error: "its folder is gone" };
  switch (one.outcome) {
    case "done":
      return { ...stay, state: "done" };
    case "cancelled":
      return { ...stay, state: "cancelled", error: one.reason };
    case "stopped":
      return { ...stay, state: "ready", attempt: row.attempt - 1, error: one.reason };
    case "refused":
      return {
        ...stay,
        state: "ready",
        attempt: row.attempt - 1,
        error: one.reasons.join("; "),
        refusal: row.agent_id,
      };
    case "lost": {
      const losses = row.losses + 1;
      if (losses >= LOSSES.most)
        return {
          ...stay,
          losses,
          state: "failed",
          error: `${losses} workers were lost on it, the last one because ${one.reason}`,
        };
      const seconds = losses <= LOSSES.free ? 0 : Math.min(2 ** (losses - LOSSES.free - 1), LOSSES.mostSeconds);
      return {
        ...stay,
        attempt: row.attempt - 1,
        losses,
        state: "ready",
        error: one.reason,
        readyAt: after(at, seconds),
      };
    }
    case "failed": {
      if (row.attempt >= row.max_attempts) return { ...stay, state: "failed", error: one.reason };
      const seconds = Math.min(RETRY_SECONDS.first * 2 ** (row.attempt - 1), RETRY_SECONDS.most);
      return { ...stay, state: "ready", error: one.reason, readyAt: after(at, seconds) };
    }
  }
}

function after(at: Date, seconds: number): Date {
  return new Date(at.getTime() + seconds * 1000);
}

/**
 * Tickets, runs, budgets and the ledger in one statement; with it whoever keeps the items hears that there is something
 * new to see, also if this process gets no further.
 */
async function write(tx: Tx, at: Date, changes: Change[], events: Event[]): Promise<void> {
  if (events.length === 0) return;
  const rows = changes.map(({ ticketId, runId, outcome, state, attempt, losses, readyAt, error, refusal, detail, cost }) => ({
    ticket: ticketId, run: runId, outcome, state, attempt, losses, ready_at: readyAt, error, refusal, detail: detail ?? {}, cost: cost?.nano_usd ?? 0,
  })); // prettier-ignore
  const spent = changes.map(({ runId, cost, row }) => ({ holder: runId, cost: { runs: 1, seconds: (at.getTime() - row.started_at.getTime()) / 1000, ...cost } })); // prettier-ignore
  await sql`/*report.write*/
    with c as (
      select * from jsonb_to_recordset(${toJson(rows)}::jsonb) as c(ticket uuid, run uuid, outcome text, state text,
        attempt int, losses int, ready_at timestamptz, error text, refusal uuid, detail jsonb, cost bigint)
    ), tickets as (
      update ticket t set state = c.state, outcome = c.outcome, attempt = c.attempt, losses = c.losses, ready_at = now() + (c.ready_at - ${at}::timestamptz), last_error = c.error,
        refused_by = case when c.refusal is null then t.refused_by else array_append(t.refused_by, c.refusal) end,
        lease_kind = null, lease_until = null, stop_reason = null, updated_at = ${at},
        ended_at = case when c.state in ('done', 'failed', 'cancelled') then ${at}::timestamptz end
      from c where t.id = c.ticket and t.id = any(${changes.map(({ ticketId }) => ticketId)})
    ), runs as (
      update run r set state = 'ended', outcome = c.outcome, ended_at = ${at}, detail = r.detail || c.detail, cost_nano = c.cost
      from c where r.id = c.run and r.id = any(${changes.map(({ runId }) => runId)})
    ), ${settled(
      spent.map(({ holder }) => holder),
      actualRows(spent),
    )}, ${appended({ actor: "steward", at, rule: "dispatch.report" }, events)}
    select pg_notify('steward_look', item::text) from unnest(${changes.map(({ row }) => row.item_id)}::uuid[]) item`.execute(
    tx,
  );
}

function eventsOf(change: Change): Event[] {
  const { ticketId: subject, runId: run, fence, agent, row, state, detail = {} } = change;
  const item = row.item_id;
  const reported: Event = {
    type: "run.reported",
    subject: run,
    ticket: subject,
    agent,
    outcome: change.outcome,
    detail,
  };
  if (state === "done") return [reported, { type: "ticket.done", subject, item, run, fence }];
  if (state === "cancelled") return [reported, { type: "ticket.cancelled", subject, item, reason: change.error ?? "" }];
  if (state === "failed") return [reported, { type: "ticket.failed", subject, item, run, reason: change.error ?? "" }];
  if (change.outcome === "refused")
    return [reported, { type: "ticket.refused", subject, item, run, agent, reasons: change.reasons }];
  const lost: Event[] =
    change.outcome === "lost"
      ? [{ type: "run.lost", subject: run, ticket: subject, fence, reason: change.reason }]
      : [];
  return [
    ...lost,
    reported,
    {
      type: "ticket.retried",
      subject,
      item,
      run,
      fence,
      attempt: change.attempt,
      reason: change.error ?? "",
      readyAt: change.readyAt.toISOString(),
    },
  ];
}

function staleEvents(reports: Report[], accepted: Report[]): Event[] {
  return reports
    .filter((one) => !accepted.includes(one))
    .map(({ runId, ticketId, fence }) => ({
      type: "run.stale_report_refused",
      subject: runId,
      ticket: ticketId,
      fence,
    }));
}
