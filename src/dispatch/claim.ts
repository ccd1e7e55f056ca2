import { sql } from "kysely";
import type { Db, Tx } from "#db/db.ts";
import { inTenant } from "#db/db.ts";
import type { LeaseKind } from "#db/schema.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { appended } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import {
  budgetsOver,
  type Cost,
  type FoundBudget,
  type HeldBudget,
  heldBudget,
  hold,
  type Hold,
  holdsWritten,
  rollOver,
  ticketIsOverBudget,
  tooSmall,
  withinSeconds,
} from "#policy/budgets.ts";
import { enteringDoor } from "#policy/door.ts";
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

export type Claimed = Claimable & {
  tenantId: string;
  runId: string;
  agentId: string;
  agentName: string /** What a budget of wall time has left for this run, in seconds; null: no such budget. */;
  maxSeconds: number | null;
  why: string;
};

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
  return inTenant(db, request.tenantId, (tx) => claimInside(tx, request), { first: enteringDoor });
}

async function claimInside(tx: Tx, request: ClaimRequest): Promise<Claimed[]> {
  const roomy = await withRoom(tx, request.candidates);
  const places = roomy.reduce((sum, { free }) => sum + free, 0);
  if (places === 0) return [];
  const given = await fillPlaces(tx, request, roomy, Math.min(places, request.limit ?? places));
  return given.map(({ ticket, runId, agent, maxSeconds, why }) => ({
    ...ticket,
    attempt: ticket.attempt + 1,
    fence: ticket.fence + 1,
    tenantId: request.tenantId,
    runId,
    agentId: agent.agentId,
    agentName: agent.name,
    maxSeconds,
    why,
  }));
}

/** A ticket that no free agent's budget can hold must not keep the place from the next one: so many more looks. */
const MORE_LOOKS = 4;

async function fillPlaces(tx: Tx, request: ClaimRequest, candidates: Candidate[], places: number): Promise<Given[]> {
  const all: Given[] = [];
  const passed: string[] = [];
  let free = candidates;
  for (let looks = 0; looks <= MORE_LOOKS; looks++) {
    const wanted = places - all.length;
    const { tickets, candidates: open, budgets } = await look(tx, request.capability, free, wanted, passed);
    const given = giveOut(tickets, open, budgets, request.rank);
    if (given.length > 0) await write(tx, given, request);
    all.push(...given);
    if (tickets.length < wanted || given.length === tickets.length) break;
    passed.push(...tickets.map(({ id }) => id));
    free = open.map((one) => ({
      ...one,
      free: one.free - given.filter(({ agent }) => agent.agentId === one.agentId).length,
    }));
  }
  return all;
}

/** Leaves out agents that are full. A shared agent's row is locked while its runs are counted. */
async function withRoom(tx: Tx, candidates: Candidate[]): Promise<Candidate[]> {
  const open = candidates.filter(({ free }) => free > 0);
  const shared = open.filter(({ slots }) => slots !== undefined).map(({ agentId }) => agentId);
  if (shared.length === 0) return open;
  await sql`/*claim.agents*/ select 1 from agent where id = any(${shared}) order by id for no key update`.execute(tx);
  const busy = await sql<{ agent_id: string; n: number }>`/*claim.busy*/
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

type Look = { tickets: Claimable[]; candidates: Candidate[]; budgets: HeldBudget[] };

/**
 * Asks every guard and locks what passes, in one statement: the agents that are neither switched off nor quiet, the
 * tickets that nothing holds back, in the lane's order, and then, in id order, every budget that any of them falls under.
 *
 * A guard is written `exists (…) is false`, not `not exists`: of that the planner makes joins, believes that next to
 * nothing passes, and reads and sorts the whole lane for ten tickets (15 ms with 4,000 ready, growing; so 1 ms). The
 * limit is written out for the same reason. Budget rows that another claim holds are waited for here, and come back as
 * that one left them.
 */
async function look(
  tx: Tx,
  capability: string,
  candidates: Candidate[],
  limit: number,
  passed: string[],
): Promise<Look> {
  const agents = candidates.map(({ agentId }) => agentId);
  const { rows } = await sql<
    Claimable & { open: string[] | null; budgets: FoundBudget[] | null }
  >`/*${sql.raw(`claim.look.${limit}`)}*/
    with open as materialized (
      select a.id from agent a where a.id = any(${agents}) and a.off_at is null
        and exists (select 1 from switch s where s.lifted_at is null and s.scope = 'agent' and s.scope_id = a.id::text) is false
        and a.id::text not in (${quietAgents})
    ), ready as materialized (
      select t.id, t.item_id, i.key as item_key, t.line, t.kind, t.capability, t.title, t.body, t.round, t.attempt,
        t.max_attempts, t.fence, t.estimate_nano, t.refused_by, i.client, t.priority, t.ready_at
      from ticket t join item i on i.id = t.item_id
      where t.capability = ${capability} and t.state = 'ready' and t.ready_at <= now() and t.tenant_id = tenant_now()
        and (t.deadline_at is null or t.deadline_at > now()) and t.id <> all(${passed}::uuid[])
        and not (t.refused_by @> (select coalesce(array_agg(id), '{}') from open))
        and (t.approval_id is null or (select a.state from approval a where a.id = t.approval_id) = 'approved')
        and (select 1 from blocker b join ticket other on other.id = b.blocked_by where b.ticket_id = t.id and other.state <> 'done' limit 1) is null
        and ${ticketIsStopped} is false
        and ${ticketIsQuiet} is false
        and ${ticketIsOverBudget} is false
      order by t.priority desc, t.ready_at, t.id
      limit ${sql.lit(limit)} for update of t skip locked
    ), held as materialized (
      select ${heldBudget} from budget b
      where exists (select 1 from ready) and (b.scope = 'everything'
        or (b.scope = 'line' and b.scope_id in (select line from ready))
        or (b.scope = 'item' and b.scope_id in (select item_id::text from ready))
        or (b.scope = 'client' and b.scope_id in (select client from ready))
        or (b.scope = 'agent' and b.scope_id in (select id::text from open)))
      order by b.id for update
    )
    select id, item_id, item_key, line, kind, capability, title, body, round, attempt, max_attempts, fence, estimate_nano, refused_by, client,
      case first when 1 then (select array_agg(id) from open) end as open,
      case first when 1 then (select jsonb_agg(held order by id) from held) end as budgets
    from (select *, row_number() over (order by priority desc, ready_at, id) as first from ready) r order by first`.execute(
    tx,
  );
  const first = rows[0];
  if (!first) return { tickets: [], candidates: [], budgets: [] };
  return {
    tickets: rows.map(({ open: _, budgets: __, ...ticket }) => ticket),
    candidates: candidates.filter(({ agentId }) => first.open?.includes(agentId)),
    budgets: await rollOver(tx, (first.budgets ?? []).map(fromJson)),
  };
}

/** What jsonb gave for a budget, with the types of a row. */
function fromJson(budget: FoundBudget): FoundBudget {
  for (const amount of [budget.limit_amount, budget.spent, budget.reserved]) {
    if (!Number.isSafeInteger(amount)) throw new RangeError(`The number ${amount} from the database is too large`);
  }
  return { ...budget, period_start: new Date(budget.period_start), now_start: new Date(budget.now_start) };
}

type Given = {
  ticket: Claimable;
  runId: string;
  agent: Candidate;
  maxSeconds: number | null;
  why: string;
  holds: Hold[];
};

/** In the tickets' order: the best agent that has a free place, has not refused it, and whose budgets can hold it. */
function giveOut(tickets: Claimable[], candidates: Candidate[], budgets: HeldBudget[], rank: Rank): Given[] {
  const free = new Map(candidates.map((one) => [one.agentId, one.free]));
  const given: Given[] = [];
  for (const ticket of tickets) {
    const able = candidates.filter(({ agentId }) => free.get(agentId)! > 0 && !ticket.refused_by.includes(agentId));
    for (const { agentId, why } of rank(ticket, able)) {
      const agent = able.find((one) => one.agentId === agentId)!;
      const runId = uuidv7();
      const reserved = reserve(budgets, ticket, agent, runId);
      if (!reserved) continue;
      free.set(agentId, free.get(agentId)! - 1);
      given.push({ ticket, runId, agent, why, ...reserved });
      break;
    }
  }
  return given;
}

function reserve(
  budgets: HeldBudget[],
  ticket: Claimable,
  agent: Candidate,
  runId: string,
): { holds: Hold[]; maxSeconds: number | null } | undefined {
  if (budgets.length === 0) return { holds: [], maxSeconds: null };
  const over = budgetsOver(budgets, {
    line: ticket.line,
    itemId: ticket.item_id,
    client: ticket.client,
    agentId: agent.agentId,
  });
  const cost = withinSeconds(over, { runs: 1, nano_usd: ticket.estimate_nano, ...agent.cost?.(ticket) });
  if (!cost || tooSmall(over, cost)) return undefined;
  return {
    holds: hold(over, runId, cost),
    maxSeconds: over.some(({ unit }) => unit === "seconds") ? (cost.seconds ?? null) : null,
  };
}

async function write(tx: Tx, given: Given[], { hostId, processId, now }: ClaimRequest): Promise<void> {
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
  await sql`/*claim.write*/
    with c as (
      select * from jsonb_to_recordset(${JSON.stringify(claims)}::jsonb) as c(ticket uuid, run uuid, agent uuid, lease text, seconds int)
    ), claimed as (
      update ticket t set state = 'claimed', attempt = t.attempt + 1, fence = t.fence + 1, run_id = c.run, process_id = ${processId},
        lease_kind = c.lease, lease_until = now() + make_interval(secs => c.seconds), stop_reason = null, updated_at = ${now}
      from c where t.id = c.ticket and t.id = any(${claims.map(({ ticket }) => ticket)})
      returning t.id, t.item_id, t.capability, t.kind, t.fence, t.attempt, t.tenant_id, c.run, c.agent
    ), started as (
      insert into run (id, tenant_id, ticket_id, item_id, agent_id, capability, kind, fence, attempt, host_id, process_id, started_at)
      select run, tenant_id, id, item_id, agent, capability, kind, fence, attempt, ${hostId}, ${processId}, ${now} from claimed
    ), ${holdsWritten(given.flatMap(({ holds }) => holds))}, ${appended({ actor: "steward", at: now, rule: "dispatch.claim" }, events)}
    select 1`.execute(tx);
}

export type Lane = { tenantId: string; capability: string; priority: number };

/** Which of these lanes have something ready, the most pressing first. Looks across tenants as the engine's role. */
export async function lanesWithWork(engine: Db, capabilities: string[]): Promise<Lane[]> {
  const { rows } = await sql<Lane>`/*claim.lanes*/
    select tenant.id as "tenantId", lane.capability, top.priority
    from tenant, unnest(${capabilities}::text[]) as lane(capability),
      lateral (select priority from ticket
        where tenant_id = tenant.id and capability = lane.capability collate "C" and state = 'ready' and ready_at <= now()
        order by priority desc limit 1) top
    order by top.priority desc`.execute(engine);
  return rows;
}
