import type { Database } from "#db/open.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import type { Clock } from "#system/clock.ts";
import type { Log } from "#system/log.ts";

/** All that the parts which carry out tickets may reach. What is not here, they cannot do. */
export type Tools = {
  database: Database;
  tenantId: string;
  hostId: string;
  processId: string;
  /** Steward's own folder, outside of every workspace. */
  home: string;
  clock: Clock;
  log: Log;
  /** How a runner reaches the database, and whether it may be away for a while. */
  lease: { connectionFile: string; kind: "embedded" | "external" };
  /** For an agent's environment; only what its owner allows is taken of it. */
  environment: Record<string, string | undefined>;
  /** What a service's folder shows now. */
  see(serviceDir: string): SeenFacts;
  /** Something of this item ended or changed: look at it again, now. Must not throw. */
  lookAgain(itemId: string): Promise<void>;
};
