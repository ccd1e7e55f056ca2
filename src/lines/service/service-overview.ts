import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Health } from "#db/schema.ts";
import { explainWaits } from "#dispatch/explain.ts";

/** Where a service stands, and what moves or holds it now. */
export type ServiceOverview = {
  id: string;
  name: string;
  folder: string | null;
  stage: string;
  phase: string;
  reasons: string[];
  needs: string | null;
  stack: string | null;
  port: number | null;
  owner: string | null;
  client: string | null;
  round: number;
  /** Of the release that serves. */
  version: string | null;
  health: Health;
  healthReason: string | null;
  healthAt: Date | null;
  /** Of the probes of the last 24 hours; null if there were none. */
  uptimePercent: number | null;
  updatedAt: Date;
  ticket: LiveTicket | null;
  run: LiveRun | null;
};

type LiveTicket = {
  id: string;
  kind: string;
  capability: string;
  title: string;
  state: string;
  attempt: number;
  maxAttempts: number;
  lastError: string | null;
  waits: string | null;
};

type LiveRun = {
  id: string;
  agent: string;
  kind: string;
  percent: number | null;
  progress: string | null;
  startedAt: Date;
  heartbeatAt: Date | null;
};

type Row = Omit<ServiceOverview, "ticket" | "run"> & {
  ticket: Omit<LiveTicket, "waits"> | null;
  /** Out of jsonb: its times are text. */
  run: (Omit<LiveRun, "startedAt" | "heartbeatAt"> & { startedAt: string; heartbeatAt: string | null }) | null;
};

/** Every service that is there, or the one of that name, by name. */
export async function serviceOverviews(
  tx: Tx,
  at: Date,
  { name = null }: { name?: string | null } = {},
): Promise<ServiceOverview[]> {
  const { rows } = await sql<Row>`
    select i.id, i.key as name, i.folder, i.stage, i.phase, i.reasons, i.needs, i.stack, case when live.target <> 'process' then live.port else i.port end as port, i.owner, i.client, i.round,
      (select d.version from deployment d where d.item_id = i.id and d.state = 'live' order by d.started_at desc limit 1) as version,
      i.health, i.health_reason as "healthReason", i.health_at as "healthAt", i.updated_at as "updatedAt",
      (select round(100.0 * sum(u.ok) / nullif(sum(u.ok + u.failed), 0), 3)::float8 from uptime u
        where u.item_id = i.id and u.hour >= date_trunc('hour', ${at}::timestamptz) - interval '24 hours') as "uptimePercent",
      (select to_jsonb(x) from (
        select t.id, t.kind, t.capability, t.title, t.state, t.attempt, t.max_attempts as "maxAttempts", t.last_error as "lastError"
        from ticket t where t.item_id = i.id and t.state in ('waiting', 'ready', 'claimed')
        order by t.state = 'claimed' desc, t.id limit 1) x) as ticket,
      (select to_jsonb(x) from (
        select r.id, a.name as agent, r.kind, r.percent, r.progress, r.started_at as "startedAt", r.heartbeat_at as "heartbeatAt"
        from ticket t join run r on r.id = t.run_id join agent a on a.id = r.agent_id
        where t.item_id = i.id and t.state = 'claimed' order by r.started_at desc limit 1) x) as run
    from item i left join deployment live on live.item_id = i.id and live.state = 'live'
    where i.line = 'service' and i.gone_at is null and (${name}::text is null or i.key = ${name})
    order by i.key`.execute(tx);
  const waits = await explainWaits(tx, at, rows.flatMap(({ ticket }) => (ticket ? [ticket.id] : []))); // prettier-ignore
  return rows.map((row) => ({
    ...row,
    ticket: row.ticket && { ...row.ticket, waits: waits.get(row.ticket.id) ?? null },
    run: row.run && {
      ...row.run,
      startedAt: new Date(row.run.startedAt),
      heartbeatAt: row.run.heartbeatAt === null ? null : new Date(row.run.heartbeatAt),
    },
  }));
}
