import { type RawBuilder, sql } from "kysely";

/**
 * Marks by which a transaction says what may go out in one message with what (thrifty-pool.ts). A round trip on one
 * machine costs about as much as a small statement, and over a network many times that.
 */
export const marks = { withNext: "/*with the next*/", withCommit: "/*with the commit*/" };

/**
 * Makes a statement the last of its transaction: the commit goes out with it, and its answer comes when both are done.
 * A statement that fails is rolled back, as without. Nothing may be asked of the transaction afterwards: that throws.
 * Write it behind the statement's name.
 */
export function withCommit(last = true): RawBuilder<unknown> {
  return sql.raw(last ? marks.withCommit : "");
}

/**
 * For the list of a transaction's first `select`: its named statements are planned once for each connection, and not for
 * each call (PostgreSQL does so only where it believes that a plan for any arguments costs no more, and planning a claim
 * costs three times its execution); and an index is read in its order, whatever the planner believes of how many rows
 * there are (read as a bitmap and sorted, a lane costs as much as is waiting in it).
 */
export const plannedOnce =
  "set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_bitmapscan', 'off', true)";
