import { type RawBuilder, sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { BudgetPeriod, BudgetUnit } from "#db/schema.ts";

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

/** The columns of HeldBudget, and whether its period has ended, for a query over `budget b`. */
export const heldBudget =
  sql.raw(`b.id, b.scope, b.scope_id, b.unit, b.period, b.period_start, b.limit_amount, b.spent, b.reserved,
  case when b.period = 'ever' then b.period_start else date_trunc(b.period, now()) end as now_start,
  b.period <> 'ever' and date_trunc(b.period, now()) > b.period_start as ended`);

export type FoundBudget = HeldBudget & { ended: boolean; now_start: Date };

/**
 * Locks, in id order, every budget that any of these spenders falls under, and rolls those whose period has ended.
 * The rows stay locked until the transaction ends, so what `fits` says is still true when `hold` is written.
 */
export async function lockBudgets(
  tx: Tx,
  spenders: { lines: string[]; itemIds: string[]; clients: string[]; agentIds: string[] },
): Promise<HeldBudget[]> {
  const { rows } = await sql<FoundBudget>`
    select ${heldBudget} from budget b
    where b.scope = 'everything'
      or (b.scope = 'line' and b.scope_id = any(${spenders.lines}))
      or (b.scope = 'item' and b.scope_id = any(${spenders.itemIds}))
      or (b.scope = 'client' and b.scope_id = any(${spenders.clients}))
      or (b.scope = 'agent' and b.scope_id = any(${spenders.agentIds}))
    order by b.id for update`.execute(tx);
  return rollOver(tx, rows);
}

/** Of locked budgets, begins anew those whose period has ended. What is reserved in them stays reserved. */
export async function rollOver(tx: Tx, found: FoundBudget[]): Promise<HeldBudget[]> {
  const ended = found.filter((row) => row.ended);
  if (ended.length > 0) {
    await sql`update budget set spent = 0, period_start = date_trunc(period, now()) where id = any(${ended.map((row) => row.id)})`.execute(
      tx,
    );
  }
  return found.map(({ ended: over, now_start, ...row }) =>
    over ? { ...row, spent: 0, period_start: now_start } : row,
  );
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
 * True for a ticket `t` of item `i` that some budget of its scopes has no room for, whoever would do it: such a ticket
 * must not stand in the way of others. What an agent costs beside is asked where the agent is chosen.
 */
export const ticketIsOverBudget: RawBuilder<boolean> = sql<boolean>`exists (
  select 1 from budget b where (b.period = 'ever' or date_trunc(b.period, now()) <= b.period_start)
    and ((b.unit = 'runs' and b.spent + b.reserved + 1 > b.limit_amount)
      or (b.unit = 'nano_usd' and t.estimate_nano > 0 and b.spent + b.reserved + t.estimate_nano > b.limit_amount))
    and (b.scope = 'everything'
      or (b.scope = 'line' and b.scope_id = t.line)
      or (b.scope = 'item' and b.scope_id = t.item_id::text)
      or (b.scope = 'client' and b.scope_id = i.client)))`;

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

export type Hold = { budgetId: string; holder: string; amount: number; periodStart: Date };

/** Takes the cost out of these (locked) budgets in memory and says what to write; `writeHolds` writes it. */
export function hold(budgets: HeldBudget[], holder: string, cost: Cost): Hold[] {
  return budgets.flatMap((budget) => {
    const amount = cost[budget.unit] ?? 0;
    if (amount === 0) return [];
    budget.reserved += amount;
    return [{ budgetId: budget.id, holder, amount, periodStart: budget.period_start }];
  });
}

export async function writeHolds(tx: Tx, holds: Hold[]): Promise<void> {
  if (holds.length === 0) return;
  await sql`with ${holdsWritten(holds)} select 1`.execute(tx);
}

/** The same as parts of a larger statement's `with`: the budgets' rows must be locked already. */
export function holdsWritten(holds: Hold[]): RawBuilder<unknown> {
  return sql`
    held as (
      insert into reservation (budget_id, holder, tenant_id, period_start, amount)
      select "budgetId", holder, tenant_now(), "periodStart", amount
      from jsonb_to_recordset(${JSON.stringify(holds)}::jsonb) as h("budgetId" uuid, holder uuid, "periodStart" timestamptz, amount bigint)
      returning budget_id, amount
    ), holding as (
      update budget set reserved = reserved + sums.amount
      from (select budget_id, sum(amount)::bigint as amount from held group by budget_id) sums
      where budget.id = sums.budget_id
    )`;
}

/** What each holder has really cost. */
export type Actual = { holder: string; cost: Cost };

/**
 * Ends what the holders had reserved: the reservation goes, the actual cost is spent. What was reserved in a period
 * that has ended meanwhile is spent in the one that runs now: spending is never lost from the books.
 */
export async function settle(tx: Tx, actual: Actual[]): Promise<void> {
  if (actual.length === 0) return;
  await sql`with ${settled(actual)} select 1`.execute(tx);
}

/** The same as parts of a larger statement's `with`. */
export function settled(actual: Actual[]): RawBuilder<unknown> {
  const costs = actual.flatMap(({ holder, cost }) =>
    Object.entries(cost).map(([unit, amount]) => ({ holder, unit, amount })),
  );
  // Budgets are locked in id order, like by every other taker of them: two settlements never wait for each other in a
  // ring. The update then sees the locked row as it is now, also where it is newer than this statement's snapshot.
  return sql`
    gone as (
      delete from reservation where holder = any(${actual.map(({ holder }) => holder)}) returning budget_id, holder, amount
    ), ordered as materialized (
      select id, unit from budget where id in (select budget_id from gone) order by id for update
    ), settling as (
      update budget set reserved = greatest(0, budget.reserved - sums.reserved), spent = budget.spent + sums.spent
      from (
        select gone.budget_id, sum(gone.amount)::bigint as reserved, coalesce(sum(cost.amount), 0)::bigint as spent
        from gone join ordered on ordered.id = gone.budget_id
          left join jsonb_to_recordset(${JSON.stringify(costs)}::jsonb) as cost(holder uuid, unit text, amount numeric)
            on cost.holder = gone.holder and cost.unit = ordered.unit
        group by gone.budget_id) sums
      where budget.id = sums.budget_id
    )`;
}
