import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Candidate, Claimable } from "#dispatch/claim.ts";
import type { HeldBudget } from "#policy/budgets.ts";
import { shutScopes, ticketIsAffordable, ticketIsOpen } from "#policy/shut-scopes.ts";

/** What may be given: tickets in their lane's order, who is neither switched off nor quiet, and the budgets over them. */
export type Look = { tickets: Claimable[]; candidates: Candidate[]; budgets: HeldBudget[] };

type Row = Claimable & {
  place: number;
  open: string[] | null;
  budgets: (Omit<HeldBudget, "period_start"> & { period_start: string })[] | null;
};

/**
 * Asks every guard and locks the tickets that pass, in one statement. Budgets are as they are at this moment, unlocked.
 *
 * The tickets are read in the order of their lane's index, and no more of them than it takes to find so many that pass:
 * nothing but the ticket is in that query's `from`, so that the planner cannot begin elsewhere and sort the whole lane
 * (15 ms for ten tickets with 4,000 ready, growing; so well below 1 ms). The limit is written out for the same reason.
 */
export async function look(
  tx: Tx,
  capability: string,
  candidates: Candidate[],
  limit: number,
  passed: string[],
): Promise<Look> {
  const agents = candidates.map(({ agentId }) => agentId);
  const { rows } = await sql<Row>`/*${sql.raw(`claim.look.${limit}`)}*/
    with ${shutScopes}, open as materialized (
      select a.id from agent a where a.id = any(${agents}::uuid[]) and a.off_at is null
        and a.id::text <> all((select agents from shut)::text[])
    ), ready as materialized (
      select t.id, t.item_id, t.line, t.kind, t.capability, t.title, t.body, t.round, t.attempt, t.max_attempts, t.fence,
        t.estimate_nano, t.refused_by
      from ticket t
      where t.capability = ${capability} and t.state = 'ready' and t.ready_at <= now()
        and (t.deadline_at is null or t.deadline_at > now()) and t.id <> all(${passed}::uuid[])
        and not (t.refused_by @> (select coalesce(array_agg(id), '{}') from open))
        and (t.approval_id is null or (select a.state from approval a where a.id = t.approval_id) = 'approved')
        and (select 1 from blocker b join ticket other on other.id = b.blocked_by where b.ticket_id = t.id and other.state <> 'done' limit 1) is null
        and ${ticketIsOpen} and ${ticketIsAffordable}
      order by t.priority desc, t.ready_at, t.id
      limit ${sql.lit(limit)} for update of t skip locked
    )
    select r.*, i.key as item_key, i.folder as item_folder, i.client,
      case r.place when 1 then (select array_agg(id) from open) end as open,
      case r.place when 1 then (
        select jsonb_agg(m) from money m where m.scope = 'everything'
          or (m.scope = 'line' and m.scope_id in (select line from ready))
          or (m.scope = 'item' and m.scope_id in (select item_id::text from ready))
          or (m.scope = 'client' and m.scope_id in (select client from item where id in (select item_id from ready)))
          or (m.scope = 'agent' and m.scope_id in (select id::text from open))) end as budgets
    from (select row_number() over () as place, ready.* from ready) r join item i on i.id = r.item_id`.execute(tx);
  rows.sort((one, other) => one.place - other.place);
  const first = rows[0];
  if (!first) return { tickets: [], candidates: [], budgets: [] };
  return {
    tickets: rows.map(({ open: _, budgets: __, place: ___, ...ticket }) => ticket),
    candidates: candidates.filter(({ agentId }) => first.open?.includes(agentId)),
    budgets: (first.budgets ?? []).map(fromJson),
  };
}

/** What jsonb gave for a budget, with the types of a row. */
function fromJson(budget: NonNullable<Row["budgets"]>[number]): HeldBudget {
  for (const amount of [budget.limit_amount, budget.spent, budget.reserved]) {
    if (!Number.isSafeInteger(amount)) throw new RangeError(`The number ${amount} from the database is too large`);
  }
  return { ...budget, period_start: new Date(budget.period_start) };
}
