import type { Database } from "#db/open.ts";
import type { Clock } from "#system/clock.ts";
import type { Log } from "#system/log.ts";

/** What everybody who carries out tickets may reach. What is not here, they cannot do. */
export type WorkTools = {
  database: Database;
  tenantId: string;
  hostId: string;
  processId: string;
  /** Steward's own folder, outside of every workspace. */
  home: string;
  clock: Clock;
  log: Log;
  /** Something of this item ended or changed: look at it again, now. Never throws. */
  lookAgain(itemId: string): Promise<void>;
};
