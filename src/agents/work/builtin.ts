import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { report, type Outcome } from "#dispatch/report.ts";
import type { BuiltinAgent } from "#dispatch/worker.ts";
import { Failure, messageOf } from "#system/failure.ts";

/** One run of a built-in agent, from its claim to its report. Never throws. */
export async function workBuiltin(tools: Tools, agent: BuiltinAgent, claimed: Claimed, signal: AbortSignal): Promise<void> {
  const { database, tenantId, clock, log } = tools;
  try {
    await inTenant(database.app, tenantId, (tx) => sql`update run set state = 'running' where id = ${claimed.runId} and state = 'starting'`.execute(tx));
    const { detail = {}, ...outcome } = await carryOut(tools, agent, claimed, signal);
    await outlastDatabase(database, () => inTenant(database.app, tenantId, (tx) =>
      report(tx, clock.now(), [{ ...outcome, ticketId: claimed.id, runId: claimed.runId, fence: claimed.fence, agent: agent.name, detail }])));
    await tools.lookAgain(claimed.item_id);
  } catch (error) {
    log.error({ err: error, run: claimed.runId, agent: agent.name }, "a built-in run could not be reported; its lease will run out");
  }
}

async function carryOut({ log }: Tools, agent: BuiltinAgent, claimed: Claimed, signal: AbortSignal): Promise<Outcome & { detail?: object }> {
  try {
    return await agent.run(claimed, signal);
  } catch (error) {
    if (signal.aborted) return { outcome: "stopped", reason: String(signal.reason) };
    if (error instanceof Failure) return { outcome: "failed", reason: error.message };
    log.error({ err: error, run: claimed.runId, agent: agent.name }, "a built-in agent broke");
    return { outcome: "failed", reason: `${agent.name} broke (a bug of Steward's, see the log): ${messageOf(error)}` };
  }
}
