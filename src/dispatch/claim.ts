import { sql } from "kysely";
import { type Db, inTenant, type Tx } from "#db/db.ts";
import type { LeaseKind } from "#db/schema.ts";
import { plannedOnce } from "#db/together.ts";
import { writeClaims } from "#dispatch/claim-write.ts";
import { giveOut, type Given } from "#dispatch/give-out.ts";
import { look, type Look } from "#dispatch/look.ts";
import { type Cost, isWithoutRoom, lockBudgets } from "#policy/budgets.ts";
import { enteringDoor } from "#policy/door.ts";

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
  /** Where its files lie. */
  item_folder: string | null;
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
  agentName: string;
  /** What a budget of wall time has left for this run, in seconds; null: no such budget. */
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
 * Budgets are looked at without a lock, and asked again, locked, at the end of the statement that writes. So those who
 * claim for one tenant wait for each other from there to the commit, which goes out with it, and not while this process
 * thinks. Should one of the batch's budgets have no room any more by then (somebody has spent, or the owner lowered it),
 * nothing is written, and the same is done again with the budgets locked from the look on.
 *
 * Batches and lanes were measured (10 connections, with budget and events): `capability = any()` 118 claims/s, one
 * lane a time 917/s, two connections with batches of ten 9,260/s. So a process has one claimer that fills all its
 * free places at once, and a batch never spans tenants (20 tenants in one batch deadlocked on their budgets).
 */
export async function claim(db: Db, request: ClaimRequest): Promise<Claimed[]> {
  try {
    return await claimOnce(db, request, { lockBudgetsFirst: false });
  } catch (error) {
    if (!isWithoutRoom(error)) throw error;
    return claimOnce(db, request, { lockBudgetsFirst: true });
  }
}

type How = { lockBudgetsFirst: boolean };

async function claimOnce(db: Db, request: ClaimRequest, how: How): Promise<Claimed[]> {
  const given = await inTenant(db, request.tenantId, (tx) => claimInside(tx, request, how), {
    first: `${enteringDoor}, ${plannedOnce}`,
  });
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

async function claimInside(tx: Tx, request: ClaimRequest, how: How): Promise<Given[]> {
  const roomy = await withRoom(tx, request.candidates);
  const places = roomy.reduce((sum, { free }) => sum + free, 0);
  if (places === 0) return [];
  return fillPlaces(tx, request, roomy, Math.min(places, request.limit ?? places), how);
}

/** A ticket that no free agent's budget can hold must not keep the place from the next one: so many more looks. */
const MORE_LOOKS = 4;

async function fillPlaces(
  tx: Tx,
  request: ClaimRequest,
  candidates: Candidate[],
  places: number,
  how: How,
): Promise<Given[]> {
  const all: Given[] = [];
  const passed: string[] = [];
  let free = candidates;
  for (let looks = 0; looks <= MORE_LOOKS; looks++) {
    const wanted = places - all.length;
    const seen = await look(tx, request.capability, free, wanted, passed);
    if (how.lockBudgetsFirst) seen.budgets = await lockAll(tx, seen);
    const given = giveOut(seen, request.rank);
    const last = looks === MORE_LOOKS || seen.tickets.length < wanted || given.length === seen.tickets.length;
    if (given.length > 0) await writeClaims(tx, given, request, { commit: last });
    all.push(...given);
    if (last) break;
    passed.push(...seen.tickets.map(({ id }) => id));
    free = seen.candidates.map((one) => ({
      ...one,
      free: one.free - given.filter(({ agent }) => agent.agentId === one.agentId).length,
    }));
  }
  return all;
}

async function lockAll(tx: Tx, { tickets, candidates }: Look): Promise<Look["budgets"]> {
  if (tickets.length === 0) return [];
  return lockBudgets(tx, {
    lines: tickets.map(({ line }) => line),
    itemIds: tickets.map(({ item_id }) => item_id),
    clients: tickets.flatMap(({ client }) => client ?? []),
    agentIds: candidates.map(({ agentId }) => agentId),
  });
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
