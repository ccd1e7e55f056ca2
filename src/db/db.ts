import type { Kysely, Transaction } from "kysely";
import { sql } from "kysely";
import { setTimeout as sleep } from "node:timers/promises";
import { DatabaseError, escapeLiteral } from "pg";
import type { Schema } from "./schema.ts";
import { marks } from "./together.ts";

/** A pool: what may begin a transaction, or read outside of one. */
export type Db = Kysely<Schema>;

/** An open transaction. A command that writes takes this: a plain `Db` does not compile, see db.test.ts. */
export type Tx = Transaction<Schema>;

/**
 * Runs `work` in a transaction that sees this tenant's rows and no others (policies read `app.tenant`, which is set for
 * this transaction only). A deadlock or a serialization failure is rolled back and run again, so `work` must change
 * nothing outside the database. If the connection is lost while the commit is under way, nobody knows whether it
 * happened: that is a CommitUnknown, and it is never run again from here.
 */
export async function inTenant<T>(
  db: Db,
  tenantId: string,
  work: (tx: Tx) => Promise<T>,
  {
    first,
  }: {
    /** Statements without parameters that come before all others; they cost no round trip. */ first?: string;
  } = {},
): Promise<T> {
  const tenant = `${marks.withNext} select set_config('app.tenant', ${escapeLiteral(tenantId)}, true)`;
  const enter = sql.raw(first === undefined ? tenant : `${tenant}; ${first}`);
  return inTransaction(db, async (tx) => {
    await enter.execute(tx);
    return work(tx);
  });
}

/** The same without a tenant: for the engine role, whose policies cross tenants. */
export async function inTransaction<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await once(db, work);
    } catch (error) {
      if (attempt >= attempts || !isRaceLost(error)) throw error;
      await sleep(Math.random() * 10 * 2 ** attempt);
    }
  }
}

/** Each try waits up to twice as long as the one before: 20, 40, 80, 160 ms at most. */
const attempts = 5;

/** The server may have committed, or not: ask by reading what the transaction would have changed. */
export class CommitUnknown extends Error {
  override readonly name = "CommitUnknown";
}

export const COMMIT_UNKNOWN = "The connection to the database was lost during a commit; it may have happened or not.";

async function once<T>(db: Db, work: (tx: Tx) => Promise<T>): Promise<T> {
  let state: "working" | "committing" = "working";
  let failed: { why: unknown } | null = null;
  try {
    // Not Kysely's startTransaction: its commit keeps the connection for good when it fails (0.29.9).
    return await db.transaction().execute(async (tx) => {
      try {
        const result = await work(tx);
        state = "committing";
        return result;
      } catch (error) {
        failed = { why: error };
        throw error;
      }
    });
  } catch (error) {
    // On a lost connection the rollback fails too, and its error would hide the first one.
    if (failed) throw (failed as { why: unknown }).why;
    if (state === ("working" as string) || !isConnectionLost(error)) throw error;
    throw new CommitUnknown(COMMIT_UNKNOWN, { cause: error });
  }
}

/** 40001: serialization failure. 40P01: deadlock. The server has rolled back, and the same again may well succeed. */
function isRaceLost(error: unknown): boolean {
  return error instanceof DatabaseError && (error.code === "40001" || error.code === "40P01");
}

/**
 * True if the server's disk is full (53100): it has rolled back, and the same again succeeds once there is room. A log that
 * cannot be written ends the server instead, which is a lost connection.
 */
export function isDiskFull(error: unknown): boolean {
  return error instanceof DatabaseError && error.code === "53100";
}

/**
 * True if an error says that the server, or the way to it, is gone for the moment: wait (waitForDatabase) and look
 * again. Class 08: connection trouble. 57P01 to 57P03: shutting down, crashed, or starting. 53300: no connection free.
 * pg's own errors for a broken connection have no code.
 */
export function isConnectionLost(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const code = "code" in error ? String(error.code) : "";
  if (/^(08...|57P0[123]|53300|ECONN.*|EPIPE|ETIMEDOUT|EHOSTUNREACH|ENETUNREACH)$/.test(code)) return true;
  // The server's socket is not there. A file that is not there would be waited for without end.
  if (code === "ENOENT") return "syscall" in error && error.syscall === "connect";
  return (
    code === "" &&
    /^(Connection terminated|Client has encountered a connection error|timeout exceeded|Client was closed)/.test(
      error.message,
    )
  );
}
