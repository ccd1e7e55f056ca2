import { setTimeout as sleep } from "node:timers/promises";
import { CommitUnknown, isConnectionLost } from "./db.ts";
import type { Database } from "./open.ts";

/**
 * Runs work that must get into the database, however often the database goes away meanwhile. The work is run again
 * after a lost connection and after a commit of which nobody knows whether it happened, so it must be safe to run twice.
 */
export async function outlastDatabase<T>(database: Database, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      if (!isConnectionLost(error) && !(error instanceof CommitUnknown)) throw error;
      await sleep(100);
      await database.wait().catch(() => {});
    }
  }
}
