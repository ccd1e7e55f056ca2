import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { CommitUnknown, inTenant, isConnectionLost } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import type { BuiltinAgent } from "#dispatch/worker.ts";
import { Failure, messageOf } from "#system/failure.ts";

/** One run of a built-in agent, from its claim to its report. Never throws. */
export async function workBuiltin(
  tools: Tools,
  agent: BuiltinAgent,
  claimed: Claimed,
  signal: AbortSignal,
): Promise<void> {
  const { database, tenantId, clock, log } = tools;
  try {
    await inTenant(database.app, tenantId, (tx) =>
      sql`update run set state = 'running' where id = ${claimed.runId} and state = 'starting'`.execute(tx),
    );
    const done = await carryOut(tools, agent, claimed, signal);
    if (done !== "reported") {
      await outlastDatabase(database, () =>
        endRuns(database.app, tenantId, clock.now(), [
          { ...done, ticketId: claimed.id, runId: claimed.runId, fence: claimed.fence, agent: agent.name },
        ]),
      );
    }
    await tools.lookAgain(claimed.item_id);
  } catch (error) {
    log.error(
      { err: error, run: claimed.runId, agent: agent.name },
      "a built-in run could not be reported; its lease will run out",
    );
  }
}

async function carryOut(
  { log }: Tools,
  agent: BuiltinAgent,
  claimed: Claimed,
  signal: AbortSignal,
): ReturnType<BuiltinAgent["run"]> {
  try {
    return await agent.run(claimed, signal);
  } catch (error) {
    if (signal.aborted) return { outcome: "stopped", reason: String(signal.reason) };
    if (isConnectionLost(error) || error instanceof CommitUnknown)
      return { outcome: "lost", reason: "the database went away" };
    if (error instanceof Failure) return { outcome: "failed", reason: error.message };
    log.error({ err: error, run: claimed.runId, agent: agent.name }, "a built-in agent broke");
    return { outcome: "failed", reason: `${agent.name} broke (a bug of Steward's, see the log): ${messageOf(error)}` };
  }
}
