import { sql } from "kysely";
import { budgetNow } from "#policy/budgets.ts";
import { quietScopes } from "#policy/quiet-hours.ts";

/**
 * Parts of a `with` for a door that looks at many subjects at once. `shut` is one row: whether everything is shut, and
 * the lines, items, clients and agents that are, because of a switch, of quiet hours, or of a budget that has no room
 * for one more run. `money` is every budget as it is now, read without a lock.
 *
 * Asked once for each statement, and compared with each ticket as a list. Asked for each ticket, as `explain` does, the
 * same guards were half of what a claim cost.
 */
export const shutScopes = sql`
  money as materialized (
    select ${budgetNow} from budget b
  ), closed as materialized (
    select scope, scope_id from switch where lifted_at is null
    union all ${quietScopes}
    union all select scope, scope_id from money where unit = 'runs' and spent + reserved >= limit_amount
  ), shut as materialized (
    select coalesce(bool_or(scope = 'everything'), false) as everything,
      coalesce(array_agg(scope_id) filter (where scope = 'line'), '{}') as lines,
      coalesce(array_agg(scope_id) filter (where scope = 'item'), '{}') as items,
      coalesce(array_agg(scope_id) filter (where scope = 'client'), '{}') as clients,
      coalesce(array_agg(scope_id) filter (where scope = 'agent'), '{}') as agents
    from closed
  )`;

/** True for a ticket `t` in no scope that is shut. Its agent's is asked where the agent is chosen. */
export const ticketIsOpen = sql<boolean>`(
  not (select everything from shut)
  and t.line <> all((select lines from shut)::text[])
  and t.item_id::text <> all((select items from shut)::text[])
  and ((select cardinality(clients) from shut) = 0
    or coalesce((select i.client from item i where i.id = t.item_id) = any((select clients from shut)::text[]), false) is false))`;

/**
 * True for a ticket `t` for which each budget of money over it has room, whoever would do it: one without must not
 * stand in the way of others. What an agent costs beside is asked where the agent is chosen.
 */
export const ticketIsAffordable = sql<boolean>`(
  t.estimate_nano = 0
  or t.estimate_nano <= (select coalesce(min(limit_amount - spent - reserved), 9223372036854775807) from money where unit = 'nano_usd')
  or exists (select 1 from money m where m.unit = 'nano_usd' and m.spent + m.reserved + t.estimate_nano > m.limit_amount
    and (m.scope = 'everything'
      or (m.scope = 'line' and m.scope_id = t.line)
      or (m.scope = 'item' and m.scope_id = t.item_id::text)
      or (m.scope = 'client' and m.scope_id = (select i.client from item i where i.id = t.item_id)))) is false)`;
