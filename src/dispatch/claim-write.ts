import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { withCommit } from "#db/together.ts";
import type { ClaimRequest } from "#dispatch/claim.ts";
import type { Given } from "#dispatch/give-out.ts";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { appended } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { heldIfRoom } from "#policy/budgets.ts";

/**
 * Leases, runs, reservations and events of one batch, all of it in one statement, or none of it: it fails
 * (`isWithoutRoom`) if the budgets have no room for it any more. `commit` ends the transaction with it, in the same round trip.
 */
export async function writeClaims(
  tx: Tx,
  given: Given[],
  { hostId, processId, now }: ClaimRequest,
  { commit }: { commit: boolean },
): Promise<void> {
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
  const holds = given.map(({ held }) => held);
  const name = holds.some(({ parts }) => parts.length > 0) ? "claim.write.held" : "claim.write";
  await sql`/*${sql.raw(name)}*/${withCommit(commit)}
    with c as (
      select * from jsonb_to_recordset(${JSON.stringify(claims)}::jsonb) as c(ticket uuid, run uuid, agent uuid, lease text, seconds int)
    ), claimed as (
      update ticket t set state = 'claimed', attempt = t.attempt + 1, fence = t.fence + 1, run_id = c.run, process_id = ${processId},
        lease_kind = c.lease, lease_until = now() + make_interval(secs => c.seconds), stop_reason = null, updated_at = ${now}
      from c where t.id = c.ticket and t.id = any(${claims.map(({ ticket }) => ticket)}::uuid[])
      returning t.id, t.item_id, t.capability, t.kind, t.fence, t.attempt, t.tenant_id, c.run, c.agent
    ), started as (
      insert into run (id, tenant_id, ticket_id, item_id, agent_id, capability, kind, fence, attempt, host_id, process_id, started_at)
      select run, tenant_id, id, item_id, agent, capability, kind, fence, attempt, ${hostId}, ${processId}, ${now} from claimed
      returning id
    ), ${appended({ actor: "steward", at: now, rule: "dispatch.claim" }, events)}, ${heldIfRoom(holds, { after: ["started", "to_seal"] })}
    select ok from fits`.execute(tx);
}
