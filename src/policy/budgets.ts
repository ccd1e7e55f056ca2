import { sql } from "kysely";
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

/**
 * Locks, in id order, every budget that any of these spenders falls under, and rolls those whose period has ended.
 * The rows stay locked until the transaction ends, so what `fits` says is still true when `hold` is written.
 */
export async function lockBudgets(
  tx: Tx,
  spenders: { lines: string[]; itemIds: string[]; clients: string[]; agentIds: string[] },
): Promise<HeldBudget[]> {
  const { rows } = await sql<HeldBudget & { ended: boolean; now_start: Date }>`
    select id, scope, scope_id, unit, period, period_start, limit_amount, spent, reserved,
      case when period = 'ever' then period_start else date_trunc(period, now()) end as now_start,
      period <> 'ever' and date_trunc(period, now()) > period_start as ended
    from budget
    where scope = 'everything'
      or (scope = 'line' and scope_id = any(${spenders.lines}))
      or (scope = 'item' and scope_id = any(${spenders.itemIds}))
      or (scope = 'client' and scope_id = any(${spenders.clients}))
      or (scope = 'agent' and scope_id = any(${spenders.agentIds}))
    order by id for update`.execute(tx);
  const ended = rows.filter((row) => row.ended);
  if (ended.length > 0) {
    await sql`update budget set spent = 0, period_start = date_trunc(period, now()) where id = any(${ended.map((row) => row.id)})`.execute(
      tx,
    );
  }
  return rows.map(({ ended: over, now_start, ...row }) => (over ? { ...row, spent: 0, period_start: now_start } : row));
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
  await sql`
    with held as (
      insert into reservation (budget_id, holder, tenant_id, period_start, amount)
      select "budgetId", holder, tenant_now(), "periodStart", amount
      from jsonb_to_recordset(${JSON.stringify(holds)}::jsonb) as h("budgetId" uuid, holder uuid, "periodStart" timestamptz, amount bigint)
      returning budget_id, amount)
    update budget set reserved = reserved + sums.amount
    from (select budget_id, sum(amount)::bigint as amount from held group by budget_id) sums
    where budget.id = sums.budget_id`.execute(tx);
}

/**
 * Ends what the holders had reserved: the reservation goes, the actual cost is spent. What was reserved in a period
 * that has ended meanwhile is spent in the one that runs now: spending is never lost from the books.
 */
export async function settle(tx: Tx, actual: { holder: string; cost: Cost }[]): Promise<void> {
  const holders = actual.map(({ holder }) => holder);
  // Locked in id order first, like every other taker of budgets: two settlements never wait for each other in a ring.
  const { rows } = await sql<{ budget_id: string; holder: string; amount: number; unit: BudgetUnit }>`
    select r.budget_id, r.holder, r.amount, b.unit from budget b join reservation r on r.budget_id = b.id
    where r.holder = any(${holders}) order by b.id for update of b`.execute(tx);
  if (rows.length === 0) return;
  const changes = rows.map((row) => ({
    budget: row.budget_id,
    reserved: row.amount,
    spent: actual.find(({ holder }) => holder === row.holder)!.cost[row.unit] ?? 0,
  }));
  await sql`
    with gone as (delete from reservation where holder = any(${holders}))
    update budget set reserved = greatest(0, budget.reserved - c.reserved), spent = budget.spent + c.spent
    from (select budget, sum(reserved)::bigint as reserved, sum(spent)::bigint as spent
          from jsonb_to_recordset(${JSON.stringify(changes)}::jsonb) as x(budget uuid, reserved bigint, spent bigint)
          group by budget) c
    where budget.id = c.budget`.execute(tx);
}
