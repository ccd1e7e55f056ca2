import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { TicketState } from "#db/schema.ts";
import { explainWaits } from "#dispatch/explain.ts";
import { Failure } from "#system/failure.ts";

type Row = {
  id: string;
  service: string;
  line: string;
  kind: string;
  capability: string;
  title: string;
  state: TicketState;
  outcome: string | null;
  round: number;
  attempt: number;
  maxAttempts: number;
  lastError: string | null;
  body: Record<string, unknown>;
  createdAt: Date;
  endedAt: Date | null;
};

type RunRow = {
  id: string;
  agent: string;
  fence: number;
  state: string;
  outcome: string | null;
  verified: boolean | null;
  startedAt: Date;
  endedAt: Date | null;
};

/** A ticket with its runs, oldest first, and what it waits for. */
export async function readTicket(tx: Tx, at: Date, id: string) {
  const { rows } = await sql<Row>`
    select t.id, i.key as service, t.line, t.kind, t.capability, t.title, t.state, t.outcome, t.round, t.attempt, t.max_attempts as "maxAttempts",
      t.last_error as "lastError", t.body, t.created_at as "createdAt", t.ended_at as "endedAt"
    from ticket t join item i on i.id = t.item_id where t.id = ${id}`.execute(tx);
  const ticket = rows[0];
  if (!ticket) throw new Failure("not_found", `There is no ticket ${id}. \`steward status\` lists those that live.`);
  const { rows: runs } = await sql<RunRow>`
    select r.id, a.name as agent, r.fence, r.state, r.outcome, r.verified, r.started_at as "startedAt", r.ended_at as "endedAt"
    from run r join agent a on a.id = r.agent_id where r.ticket_id = ${id} order by r.started_at, r.fence`.execute(tx);
  const waits = await explainWaits(tx, at, [id]);
  return { ...ticket, waits: waits.get(id) ?? null, runs };
}
