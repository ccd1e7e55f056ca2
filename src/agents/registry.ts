import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { AgentKind } from "#db/schema.ts";
import { append, type Because } from "#ledger/append.ts";
import { uuidv7 } from "#system/ids.ts";
import { sameJson } from "#system/same-json.ts";

export type AgentDefinition = {
  name: string;
  kind: AgentKind;
  capabilities: readonly string[];
  slots: number;
  /** What it is and what it is not, for the owner. */
  about: string;
  config: object;
};

/**
 * Makes the registry say what is defined now: new agents are added, changed ones changed, and those that are defined
 * no more are off (their record stays). Returns each name's id.
 */
export async function registerAgents(
  tx: Tx,
  because: Because,
  definitions: readonly AgentDefinition[],
): Promise<Map<string, string>> {
  // A server and its workers may start in the same moment: one writes, the others find it written.
  await sql`select pg_advisory_xact_lock(hashtext('agents'), hashtext(tenant_now()::text))`.execute(tx);
  const { rows: known } = await sql<AgentDefinition & { id: string; off_at: Date | null }>`
    select id, name, kind, capabilities, slots, about, config, off_at from agent order by name for no key update`.execute(
    tx,
  );
  const ids = new Map<string, string>();
  for (const definition of definitions) {
    const before = known.find(({ name }) => name === definition.name);
    const id = before?.id ?? uuidv7();
    ids.set(definition.name, id);
    if (before && before.off_at === null && sameDefinition(before, definition)) continue;
    await sql`
      insert into agent (id, tenant_id, name, kind, capabilities, slots, about, config)
      values (${id}, tenant_now(), ${definition.name}, ${definition.kind}, ${[...definition.capabilities]}, ${definition.slots}, ${definition.about}, ${JSON.stringify(definition.config)})
      on conflict (id) do update set kind = excluded.kind, capabilities = excluded.capabilities, slots = excluded.slots,
        about = excluded.about, config = excluded.config, off_at = null`.execute(tx);
    const { name, kind, capabilities } = definition;
    await append(
      tx,
      because,
      before
        ? { type: "agent.changed", subject: id, name, change: "defined anew" }
        : { type: "agent.registered", subject: id, name, kind, capabilities: [...capabilities] },
    );
  }
  for (const gone of known.filter(({ name, off_at }) => off_at === null && !ids.has(name))) {
    await sql`update agent set off_at = ${because.at} where id = ${gone.id}`.execute(tx);
    await append(tx, because, {
      type: "agent.changed",
      subject: gone.id,
      name: gone.name,
      change: "no longer defined: off",
    });
  }
  return ids;
}

function sameDefinition(a: AgentDefinition, b: AgentDefinition): boolean {
  const parts = ({ kind, capabilities, slots, about, config }: AgentDefinition) => [
    kind,
    [...capabilities],
    slots,
    about,
    config,
  ];
  return sameJson(parts(a), parts(b));
}

export type AgentRow = {
  id: string;
  name: string;
  kind: AgentKind;
  capabilities: string[];
  slots: number;
  about: string;
  status: "off" | "stopped" | "working" | "free";
  work: { ticket: string; title: string; item: string; since: Date; progress: string | null }[];
  record: { capability: string; runs: number; judged: number; passed: number; medianSeconds: number | null }[];
};

/** Every agent with what it does now and what became of its work, as Steward itself verified it. */
export async function listAgents(tx: Tx): Promise<AgentRow[]> {
  const { rows } = await sql<AgentRow>`
    select a.id, a.name, a.kind, a.capabilities, a.slots, a.about,
      case when a.off_at is not null then 'off'
        when exists (select 1 from switch s where s.lifted_at is null and (s.scope = 'everything' or (s.scope = 'agent' and s.scope_id = a.id::text))) then 'stopped'
        when exists (select 1 from run r where r.agent_id = a.id and r.state <> 'ended') then 'working' else 'free' end as status,
      coalesce((select jsonb_agg(jsonb_build_object('ticket', t.id, 'title', t.title, 'item', i.key, 'since', r.started_at, 'progress', r.progress) order by r.started_at)
        from run r join ticket t on t.id = r.ticket_id join item i on i.id = r.item_id where r.agent_id = a.id and r.state <> 'ended'), '[]') as work,
      coalesce((select jsonb_agg(jsonb_build_object('capability', x.capability, 'runs', x.runs, 'judged', x.judged, 'passed', x.passed, 'medianSeconds', x.median) order by x.capability)
        from (select capability, count(*)::int as runs, count(verified)::int as judged, (count(*) filter (where verified))::int as passed,
            percentile_cont(0.5) within group (order by extract(epoch from ended_at - started_at)) as median
          from run r where r.agent_id = a.id and r.state = 'ended' group by capability) x), '[]') as record
    from agent a order by a.off_at is not null, a.name`.execute(tx);
  return rows;
}
