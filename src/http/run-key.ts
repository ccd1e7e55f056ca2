import { createHmac } from "node:crypto";
import { join } from "node:path";
import { inTenant } from "#db/db.ts";
import type { Database } from "#db/open.ts";
import { readRunView } from "#dispatch/read-run.ts";
import { secretIn } from "./secret-file.ts";
import { sameSecret } from "./token.ts";

/** Names of an agent's environment by which `steward heartbeat`, `progress` and `report` find their way. */
export const runEnvironment = { url: "STEWARD_URL", key: "STEWARD_RUN_KEY", run: "STEWARD_RUN" } as const;

/** What run keys are made with. Kept beside the token, so that a key outlives a restart as its run does. */
export const runKeySecret = (home: string): Promise<string> => secretIn(join(home, "run-key-secret"));

/**
 * The key of one attempt: whoever has it may say that this run lives, how far it is and how it ended, and nothing else.
 * It is bound to the fence, and counts only while the run holds its ticket.
 */
export function runKeyFor(secret: string, runId: string, fence: number): string {
  return `run_${createHmac("sha256", secret).update(`steward run key v1\n${runId}\n${fence}`).digest("base64url")}`;
}

export const isRunKey = (credential: string): boolean => credential.startsWith("run_");

/** Why this key may not speak for this run; null if it may. */
export async function refuseRunKey(
  { database, tenantId }: { database: Database; tenantId: string },
  { secret, key, runId }: { secret: string; key: string; runId: string },
): Promise<string | null> {
  const run = await inTenant(database.app, tenantId, (tx) => readRunView(tx, runId)).catch(() => null);
  if (!run || !sameSecret(key, runKeyFor(secret, run.id, run.fence))) return "This key is not for that run.";
  return run.live ? null : `Run ${runId} has ended, and its key with it.`;
}
