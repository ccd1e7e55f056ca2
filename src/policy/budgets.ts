import { type RawBuilder, sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { BudgetPeriod, BudgetUnit } from "#db/schema.ts";
import { hasErrorCode } from "#system/failure.ts";

export type HeldBudget = {
  id: string;
  scope: "everything" | "agent" | "client" | "line" | "item";
  scope_id: string;
  unit: BudgetUnit;
  period: BudgetPeriod;
  period_start: Date;
  limit_amount: number;
  spent: number;
  reserved: number;
};

export type Spender = { line: string; itemId: string; client: string | null; agentId: string };

/** What a run or effect may cost at most, in each unit. A unit that is not named costs nothing of it. */
export type Cost = Partial<Record<BudgetUnit, number>>;

/** True for a budget `b` whose period is over: what was spent in it counts no more, what is reserved does. */
const periodIsOver = sql.raw(`(b.period <> 'ever' and date_trunc(b.period, now()) > b.period_start)`);

/** The columns of HeldBudget for a query over `budget b`, as they are now: with a period that is over begun anew. */
export const budgetNow = sql`b.id, b.scope, b.scope_id, b.unit, b.period, b.limit_amount, b.reserved,
  case when ${periodIsOver} then date_trunc(b.period, now()) else b.period_start end as period_start,
  case when ${periodIsOver} then 0 else b.spent end as spent`;

/**
 * Locks, in id order, every budget that any of these spenders falls under. The rows stay locked until the transaction
 * ends, so what `tooSmall` says is still true when `hold` is written.
 */
export async function lockBudgets(
  tx: Tx,
  spenders: { lines: string[]; itemIds: string[]; clients: string[]; agentIds: string[] },
): Promise<HeldBudget[]> {
  const { rows } = await sql<HeldBudget>`/*budgets.lock*/
    select ${budgetNow} from budget b
    where b.scope = 'everything'
      or (b.scope = 'line' and b.scope_id = any(${spenders.lines}))
      or (b.scope = 'item' and b.scope_id = any(${spenders.itemIds}))
      or (b.scope = 'client' and b.scope_id = any(${spenders.clients}))
      or (b.scope = 'agent' and b.scope_id = any(${spenders.agentIds}))
    order by b.id for update`.execute(tx);
  return rows;
}

export function budgetsOver(budgets: HeldBudget[], spender: Spender): HeldBudget[] {
  return budgets.filter(({ scope, scope_id }) => {
    switch (scope) {
      case "everything":
        return true;
      case "line":
        return scope_id === spender.line;
      case "item":
        return scope_id === spender.itemId;
      case "client":
        return scope_id === spender.client;
      case "agent":
        return scope_id === spender.agentId;
    }
  });
}

/**
 * Cuts the wall time in a cost down to what these budgets still have: a run may be short, it need not wait for a day with
 * room for the longest one. Undefined if less than a second is left.
 */
export function withinSeconds(budgets: HeldBudget[], cost: Cost): Cost | undefined {
  const left = budgets
    .filter(({ unit }) => unit === "seconds")
    .map((one) => one.limit_amount - one.spent - one.reserved);
  if (cost.seconds === undefined || left.length === 0) return cost;
  const seconds = Math.floor(Math.min(cost.seconds, ...left));
  return seconds < 1 ? undefined : { ...cost, seconds };
}

/** The first of these budgets that the cost does not fit in. A cost of zero always fits. */
export function tooSmall(budgets: HeldBudget[], cost: Cost): HeldBudget | undefined {
  return budgets.find((budget) => {
    const amount = cost[budget.unit] ?? 0;
    return amount > 0 && budget.spent + budget.reserved + amount > budget.limit_amount;
  });
}

/** What one holder holds of the budgets over it. */
export type Hold = { holder: string; parts: { budgetId: string; amount: number }[] };

/** Takes the cost out of these budgets in memory and says what to write; `writeHolds` or `heldIfRoom` writes it. */
export function hold(budgets: HeldBudget[], holder: string, cost: Cost): Hold {
  const parts = budgets.flatMap((budget) => {
    const amount = cost[budget.unit] ?? 0;
    if (amount === 0) return [];
    budget.reserved += amount;
    return [{ budgetId: budget.id, amount }];
  });
  return { holder, parts };
}

/** Of budgets that are locked, and were found to have the room. */
export async function writeHolds(tx: Tx, held: Hold): Promise<void> {
  if (held.parts.length === 0) return;
  await sql`with ${heldIfRoom([held])} select ok from fits`.execute(tx);
}

/**
 * Writes holds as parts of a larger statement's `with`, if all of them fit in the budgets as these are at that moment:
 * whoever chose them may have looked without a lock. If they do not fit, or a budget is gone, the statement fails with
 * an error of which `isWithoutRoom` is true, and with it all else that it writes; the statement must ask for `ok` of
 * `fits`. The budgets are locked, in id order, only once the parts that are named in `after` are written, to the end of
 * the transaction: one tenant's claims wait for each other for just that long. A period that is over is begun anew by
 * the first who reserves in the next.
 */
export function heldIfRoom(
  holds: Hold[],
  { after = [] }: { /** Parts that return rows. */ after?: string[] } = {},
): RawBuilder<unknown> {
  const held = holds.filter(({ parts }) => parts.length > 0);
  if (held.length === 0) return sql`fits as (select true as ok)`;
  const sums = new Map<string, number>();
  for (const { budgetId, amount } of held.flatMap(({ parts }) => parts))
    sums.set(budgetId, (sums.get(budgetId) ?? 0) + amount);
  const rows = held.map(({ holder, parts }) => ({
    holder,
    budgets: parts.map(({ budgetId }) => budgetId),
    amounts: parts.map(({ amount }) => amount),
  }));
  return sql`
    held as (
      insert into reservation (holder, tenant_id, budget_ids, amounts)
      select holder, tenant_now(), budgets, amounts
      from jsonb_to_recordset(${JSON.stringify(rows)}::jsonb) as h(holder uuid, budgets uuid[], amounts bigint[])
      returning holder
    ), wanted as (
      select * from unnest(${[...sums.keys()]}::uuid[], ${[...sums.values()]}::bigint[]) as w(budget_id, amount)
    ), room as materialized (
      select ${budgetNow}, (select amount from wanted where budget_id = b.id) as amount
      from budget b where b.id = any(${[...sums.keys()]}::uuid[])
        and ${sql.raw(["held", ...after].map((part) => `(select count(*) from ${part}) is not null`).join(" and "))}
      order by b.id for update
    ), fits as materialized (
      select case when count(*) = ${sums.size} and bool_and(spent + reserved + amount <= limit_amount) then true
        else refuse('A budget has no room for this any more') end as ok from room
    ), holding as (
      update budget set reserved = room.reserved + room.amount, spent = room.spent, period_start = room.period_start
      from room where budget.id = room.id and budget.id = any(${[...sums.keys()]}::uuid[]) and (select ok from fits)
    )`;
}

/** True for the error of a statement whose holds did not fit. */
export const isWithoutRoom = (error: unknown): boolean => hasErrorCode(error, "ST001");

/** What each holder has really cost. */
export type Actual = { holder: string; cost: Cost };

/**
 * Ends what the holders had reserved: the reservation goes, the actual cost is spent. What was reserved in a period
 * that has ended meanwhile is spent in the one that runs now: spending is never lost from the books.
 */
export async function settle(tx: Tx, actual: Actual[]): Promise<void> {
  if (actual.length === 0) return;
  await sql`/*budgets.settle*/ with ${settled(actual.map(({ holder }) => holder), actualRows(actual))} select 1`.execute(tx); // prettier-ignore
}

/** A query for what `settled` asks for. */
export function actualRows(actual: Actual[]): RawBuilder<unknown> {
  return sql`select * from jsonb_to_recordset(${JSON.stringify(actual)}::jsonb) as a(holder uuid, cost jsonb)`;
}

/**
 * The same as parts of a larger statement's `with`. `actual` is a query's rows, `holder uuid, cost jsonb` (an amount by
 * unit); it may have fewer of these holders than are named.
 *
 * Budgets are locked in id order, like by every other taker of them: two settlements never wait for each other in a
 * ring. The update then sees the locked row as it is now, also where it is newer than this statement's snapshot.
 */
export function settled(holders: string[], actual: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    actual as materialized (${actual}
    ), gone as (
      delete from reservation where holder = any(${holders}::uuid[]) and holder in (select holder from actual)
      returning holder, budget_ids, amounts
    ), parts as materialized (
      select gone.holder, part.budget_id, part.amount from gone, unnest(budget_ids, amounts) as part(budget_id, amount)
    ), ordered as materialized (
      select b.id, b.unit from budget b where b.id = any((select array_agg(distinct budget_id) from parts)::uuid[])
      order by b.id for update
    ), settling as (
      update budget b set reserved = greatest(0, b.reserved - sums.reserved),
        spent = case when ${periodIsOver} then 0 else b.spent end + sums.spent,
        period_start = case when ${periodIsOver} then date_trunc(b.period, now()) else b.period_start end
      from (
        select parts.budget_id, sum(parts.amount)::bigint as reserved,
          coalesce(sum((actual.cost ->> ordered.unit)::numeric), 0)::bigint as spent
        from parts join ordered on ordered.id = parts.budget_id join actual on actual.holder = parts.holder
        group by parts.budget_id) sums
      where b.id = sums.budget_id
    )`;
}
