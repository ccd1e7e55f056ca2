import { sql } from "kysely";
import type { Tx } from "#db/db.ts";

/**
 * The doors' barrier. A claim or an effect takes it shared, as a statement of its own before it looks at any switch;
 * setting a switch takes it exclusive. So once a switch has committed, nothing that had looked before it can still
 * come through: measured with 8 claimers, without a barrier 33 claims came back after the stop, with the lock inside
 * the claim's own statement 47 (its snapshot is older than its lock), with this 0, and a stop took 5 ms.
 */
const DOOR_LOCK = 7_215_001;

export async function enterDoor(tx: Tx): Promise<void> {
  await sql.raw(enteringDoor).execute(tx);
}

/** The same as the first statement of a transaction, for inTenant. */
export const enteringDoor = `select pg_advisory_xact_lock_shared(${DOOR_LOCK})`;

export async function closeDoors(tx: Tx): Promise<void> {
  await sql`select pg_advisory_xact_lock(${DOOR_LOCK})`.execute(tx);
}
