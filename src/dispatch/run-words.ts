import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { storable } from "#db/json.ts";
import { append, type Because } from "#ledger/append.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { Failure } from "#system/failure.ts";

/** What an agent says of its own run, while it holds its ticket. None of it moves the ticket: Steward looks for itself. */
export type Words =
  | { says: "alive" }
  | { says: "progress"; percent: number | null; text: string }
  | { says: "ended"; outcome: "done" | "failed" | "refused"; reasons: string[] };

/** Records it; a session's heartbeat also keeps its lease. A run that has ended, or lost its ticket, is refused. */
export async function hearRun(tx: Tx, because: Because, runId: string, words: Words): Promise<void> {
  const text = words.says === "alive" ? null : storable(words.says === "progress" ? words.text : saying(words));
  const percent = words.says === "progress" ? words.percent : null;
  const { rows } = await sql<{ ticket: string }>`
    update run r set heartbeat_at = ${because.at}, progress = coalesce(${text}::text, r.progress), percent = coalesce(${percent}::int, r.percent)
    from ticket t where r.id = ${runId} and t.id = r.ticket_id and r.state <> 'ended'
      and t.state = 'claimed' and t.run_id = r.id and t.fence = r.fence
    returning t.id as ticket`.execute(tx);
  const ticket = rows[0]?.ticket;
  if (!ticket) throw new Failure("conflict", `Run ${runId} has ended: nothing more is taken from it.`);
  await sql`
    update ticket set lease_until = ${because.at}::timestamptz + make_interval(secs => ${LEASE_SECONDS.session})
    where id = ${ticket} and state = 'claimed' and lease_kind = 'session'`.execute(tx);
  if (text !== null) await append(tx, because, { type: "run.progressed", subject: runId, ticket, percent, text });
}

function saying({ outcome, reasons }: { outcome: string; reasons: string[] }): string {
  return reasons.length > 0 ? `says ${outcome}: ${reasons.join("; ")}` : `says ${outcome}`;
}
