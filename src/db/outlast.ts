import { setTimeout as sleep } from "node:timers/promises";
import { CommitUnknown, isConnectionLost, isDiskFull } from "./db.ts";
import type { Database } from "./open.ts";

/**
 * Runs work that must get into the database, however often the database goes away meanwhile, or its disk is full. The
 * work is run again after a lost connection, after a commit of which nobody knows whether it happened, and every second
 * until there is room, so it must be safe to run twice.
 */
export async function outlastDatabase<T>(database: Database, work: () => Promise<T>): Promise<T> {
  for (;;) {
    try {
      return await work();
    } catch (error) {
      const full = isDiskFull(error);
      if (!full && !isConnectionLost(error) && !(error instanceof CommitUnknown)) throw error;
      await sleep(full ? 1_000 : 100);
      await database.wait().catch(() => {});
    }
  }
}
