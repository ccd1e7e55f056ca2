import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { RunState } from "#db/schema.ts";
import { Failure } from "#system/failure.ts";

export type RunView = {
  id: string;
  ticket: string;
  service: string;
  agent: string;
  kind: string;
  capability: string;
  fence: number;
  attempt: number;
  state: RunState;
  /** Where its output lies; null for built-in work. */
  folder: string | null;
  /** It holds its ticket now: what it says still counts. */
  live: boolean;
  percent: number | null;
  progress: string | null;
  heartbeatAt: Date | null;
  startedAt: Date;
  endedAt: Date | null;
  outcome: string | null;
  verified: boolean | null;
  detail: Record<string, unknown>;
  costNano: number;
};

export async function readRunView(tx: Tx, id: string): Promise<RunView> {
  const { rows } = await sql<RunView>`
    select r.id, r.ticket_id as ticket, i.key as service, a.name as agent, r.kind, r.capability, r.fence, r.attempt, r.state, r.folder,
      (r.state <> 'ended' and t.state = 'claimed' and t.run_id = r.id and t.fence = r.fence) as live,
      r.percent, r.progress, r.heartbeat_at as "heartbeatAt", r.started_at as "startedAt", r.ended_at as "endedAt",
      r.outcome, r.verified, r.detail, r.cost_nano as "costNano"
    from run r join ticket t on t.id = r.ticket_id join item i on i.id = r.item_id join agent a on a.id = r.agent_id
    where r.id = ${id}`.execute(tx);
  if (!rows[0]) throw new Failure("not_found", `There is no run ${id}. \`steward status\` lists those that live.`);
  return rows[0];
}
