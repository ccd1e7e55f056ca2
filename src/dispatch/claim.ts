import { sql } from "kysely";
import type { Db, Tx } from "#db/db.ts";
import { inTenant } from "#db/db.ts";
import type { LeaseKind } from "#db/schema.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { eventRows } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import {
  budgetsOver,
  type Cost,
  type HeldBudget,
  hold,
  type Hold,
  lockBudgets,
  tooSmall,
  writeHolds,
} from "#policy/budgets.ts";
import { enterDoor } from "#policy/door.ts";
import { quietAgents, ticketIsQuiet } from "#policy/quiet-hours.ts";
import { ticketIsStopped } from "#policy/switches.ts";
import { uuidv7 } from "#system/ids.ts";

/** An agent that may be given work in this lane, with the places it has free here. */
export type Candidate = {
  agentId: string;
  name: string;
  leaseKind: LeaseKind;
  /** Free places in this process. */
  free: number;
  /** For agents whose places are shared between processes: how many runs it may have in all, counted in the claim. */
  slots?: number;
  /** Never gives an amount below what a run of this agent may cost at most. */
  cost?: (ticket: Claimable) => Cost;
};

export type Claimable = {
  id: string;
  item_id: string;
  item_key: string;
  line: string;
  kind: string;
  capability: string;
  title: string;
  body: Record<string, unknown>;
  round: number;
  attempt: number;
  max_attempts: number;
  fence: number;
  estimate_nano: number;
  refused_by: string[];
  client: string | null;
};

export type Claimed = Claimable & { tenantId: string; runId: string; agentId: string; agentName: string; why: string };

/** Orders the agents that could take a ticket, best first, and says why. Handed in: a door knows no agents. */
export type Rank = (ticket: Claimable, candidates: Candidate[]) => { agentId: string; why: string }[];

export type ClaimRequest = {
  tenantId: string;
  capability: string;
  candidates: Candidate[];
  hostId: string;
  processId: string;
  now: Date;
  rank: Rank;
  /** Tickets taken at most, whatever is free. */
  limit?: number;
};

/**
 * Door 1. Takes as many ready tickets of one lane as there are free agents for it, in one transaction of one tenant,
 * after asking, inside that transaction, every guard: switches, quiet hours, blockers, approvals, refusals, agents'
 * places and budgets. Each comes back claimed: a lease, a fence one higher, a run, a reservation and its event, or
 * none of these.
 *
 * Batches and lanes were measured (10 connections, with budget and events): `capability = any()` 118 claims/s, one
 * lane a time 917/s, two connections with batches of ten 9,260/s. So a process has one claimer that fills all its
 * free places at once, and a batch never spans tenants (20 tenants in one batch deadlocked on their budgets).
 */
export async function claim(db: Db, request: ClaimRequest): Promise<Claimed[]> {
  return inTenant(db, request.tenantId, async (tx) => {
    await enterDoor(tx);
    const candidates = await withRoom(tx, request.candidates);
    const places = candidates.reduce((sum, { free }) => sum + free, 0);
    if (places === 0) return [];
    const tickets = await lockReady(tx, request.capability, candidates, Math.min(places, request.limit ?? places));
    if (tickets.length === 0) return [];
    const given = await giveOut(tx, tickets, candidates, request);
    if (given.length > 0) await write(tx, given, request);
    return given.map(({ ticket, runId, agent, why }) => ({
      ...ticket,
      attempt: ticket.attempt + 1,
      fence: ticket.fence + 1,
      tenantId: request.tenantId,
      runId,
      agentId: agent.agentId,
      agentName: agent.name,
      why,
    }));
  });
}

/** Leaves out agents that are switched off, quiet or full. A shared agent's row is locked while its runs are counted. */
async function withRoom(tx: Tx, candidates: Candidate[]): Promise<Candidate[]> {
  const ids = candidates.map(({ agentId }) => agentId);
  const shut = await sql<{ id: string }>`
    select a.id from agent a where a.id = any(${ids}) and (a.off_at is not null
      or exists (select 1 from switch s where s.lifted_at is null and s.scope = 'agent' and s.scope_id = a.id::text)
      or a.id::text in (${quietAgents}))`.execute(tx);
  const closed = new Set(shut.rows.map(({ id }) => id));
  const open = candidates.filter(({ agentId, free }) => free > 0 && !closed.has(agentId));

  const shared = open.filter(({ slots }) => slots !== undefined).map(({ agentId }) => agentId);
  if (shared.length === 0) return open;
  await sql`select 1 from agent where id = any(${shared}) order by id for no key update`.execute(tx);
  const busy = await sql<{ agent_id: string; n: number }>`
    select agent_id, count(*)::int as n from run where agent_id = any(${shared}) and state <> 'ended' group by agent_id`.execute(
    tx,
  );
  const running = new Map(busy.rows.map(({ agent_id, n }) => [agent_id, n]));
  return open
    .map((one) =>
      one.slots === undefined ? one : { ...one, free: Math.min(one.free, one.slots - (running.get(one.agentId) ?? 0)) },
    )
    .filter(({ free }) => free > 0);
}

async function lockReady(tx: Tx, capability: string, candidates: Candidate[], limit: number): Promise<Claimable[]> {
  const agents = candidates.map(({ agentId }) => agentId);
  const { rows } = await sql<Claimable>`
    select t.id, t.item_id, i.key as item_key, t.line, t.kind, t.capability, t.title, t.body, t.round, t.attempt,
      t.max_attempts, t.fence, t.estimate_nano, t.refused_by, i.client
    from ticket t join item i on i.id = t.item_id
    where t.capability = ${capability} and t.state = 'ready' and t.ready_at <= now() and t.tenant_id = tenant_now()
      and (t.deadline_at is null or t.deadline_at > now())
      and not (t.refused_by @> ${agents}::uuid[])
      and (t.approval_id is null or exists (select 1 from approval a where a.id = t.approval_id and a.state = 'approved'))
      and not exists (
        select 1 from blocker b join ticket other on other.id = b.blocked_by where b.ticket_id = t.id and other.state <> 'done')
      and not ${ticketIsStopped}
      and not ${ticketIsQuiet}
    order by t.priority desc, t.ready_at, t.id
    limit ${limit} for update of t skip locked`.execute(tx);
  return rows;
}

type Given = { ticket: Claimable; runId: string; agent: Candidate; why: string; holds: Hold[] };

/** In the tickets' order: the best agent that has a free place, has not refused it, and whose budgets can hold it. */
async function giveOut(
  tx: Tx,
  tickets: Claimable[],
  candidates: Candidate[],
  { rank }: ClaimRequest,
): Promise<Given[]> {
  const budgets = await lockBudgets(tx, {
    lines: [...new Set(tickets.map(({ line }) => line))],
    itemIds: tickets.map(({ item_id }) => item_id),
    clients: tickets.flatMap(({ client }) => client ?? []),
    agentIds: candidates.map(({ agentId }) => agentId),
  });
  const free = new Map(candidates.map((one) => [one.agentId, one.free]));
  const given: Given[] = [];
  for (const ticket of tickets) {
    const able = candidates.filter(({ agentId }) => free.get(agentId)! > 0 && !ticket.refused_by.includes(agentId));
    for (const { agentId, why } of rank(ticket, able)) {
      const agent = able.find((one) => one.agentId === agentId)!;
      const runId = uuidv7();
      const holds = reserve(budgets, ticket, agent, runId);
      if (!holds) continue;
      free.set(agentId, free.get(agentId)! - 1);
      given.push({ ticket, runId, agent, why, holds });
      break;
    }
  }
  return given;
}

function reserve(budgets: HeldBudget[], ticket: Claimable, agent: Candidate, runId: string): Hold[] | undefined {
  if (budgets.length === 0) return [];
  const over = budgetsOver(budgets, {
    line: ticket.line,
    itemId: ticket.item_id,
    client: ticket.client,
    agentId: agent.agentId,
  });
  const cost: Cost = { runs: 1, nano_usd: ticket.estimate_nano, ...agent.cost?.(ticket) };
  return tooSmall(over, cost) ? undefined : hold(over, runId, cost);
}

async function write(tx: Tx, given: Given[], { hostId, processId, now }: ClaimRequest): Promise<void> {
  await writeHolds(
    tx,
    given.flatMap(({ holds }) => holds),
  );
  const claims = given.map(({ ticket, runId, agent }) => ({
    ticket: ticket.id,
    run: runId,
    agent: agent.agentId,
    lease: agent.leaseKind,
    seconds: LEASE_SECONDS[agent.leaseKind],
  }));
  const events = given.map(({ ticket, runId, agent, why }): Event => ({
    type: "ticket.claimed",
    subject: ticket.id,
    item: ticket.item_id,
    run: runId,
    agent: agent.name,
    fence: ticket.fence + 1,
    attempt: ticket.attempt + 1,
    why,
  }));
  await sql`
    with c as (
      select * from jsonb_to_recordset(${JSON.stringify(claims)}::jsonb) as c(ticket uuid, run uuid, agent uuid, lease text, seconds int)
    ), claimed as (
      update ticket t set state = 'claimed', attempt = t.attempt + 1, fence = t.fence + 1, run_id = c.run, process_id = ${processId},
        lease_kind = c.lease, lease_until = now() + make_interval(secs => c.seconds), stop_reason = null, updated_at = ${now}
      from c where t.id = c.ticket
      returning t.id, t.item_id, t.capability, t.kind, t.fence, t.attempt, t.tenant_id, c.run, c.agent
    ), started as (
      insert into run (id, tenant_id, ticket_id, item_id, agent_id, capability, kind, fence, attempt, host_id, process_id, started_at)
      select run, tenant_id, id, item_id, agent, capability, kind, fence, attempt, ${hostId}, ${processId}, ${now} from claimed
    ), added as (
      insert into event (id, tenant_id, at, type, subject, actor, rule, policy, body)
      select id, tenant_now(), at, type, subject, actor, rule, policy, body
      from jsonb_to_recordset(${eventRows({ actor: "steward", at: now, rule: "dispatch.claim" }, events)}::jsonb)
        as e(id uuid, at timestamptz, type text, subject text, actor text, rule text, policy text, body jsonb)
      returning id, tenant_id
    )
    insert into pending (event_id, tenant_id) select id, tenant_id from added`.execute(tx);
}

export type Lane = { tenantId: string; capability: string; priority: number };

/** Which of these lanes have something ready, the most pressing first. Looks across tenants as the engine's role. */
export async function lanesWithWork(engine: Db, capabilities: string[]): Promise<Lane[]> {
  const { rows } = await sql<Lane>`
    select tenant.id as "tenantId", lane.capability, top.priority
    from tenant, unnest(${capabilities}::text[]) as lane(capability),
      lateral (select priority from ticket
        where tenant_id = tenant.id and capability = lane.capability collate "C" and state = 'ready' and ready_at <= now()
        order by priority desc limit 1) top
    order by top.priority desc`.execute(engine);
  return rows;
}
