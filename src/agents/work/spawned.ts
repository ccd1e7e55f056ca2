import { rm } from "node:fs/promises";
import { sql } from "kysely";
import type { AgentDriver } from "#agents/drivers/driver.ts";
import { endRun } from "#agents/runner/end-run.ts";
import { lastOneOutScript } from "#agents/runner/last-one-out.ts";
import { prepareRun, type StartedRunner } from "#agents/runner/start-runner.ts";
import { waitForEnd } from "#agents/runner/wait-for-end.ts";
import { ticketText } from "#agents/ticket-text.ts";
import type { Tools } from "#agents/tools.ts";
import { prepareWorkplace } from "#agents/workplace/prepare-workplace.ts";
import { saveBaseline } from "#agents/workplace/baseline.ts";
import { inTenant } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { LEASE_SECONDS, RENEW_EVERY_MS } from "#dispatch/lease.ts";
import { RUNNER_RENEWAL } from "#dispatch/runner-renewal.ts";
import { appended } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { finishRun, reportLoss } from "./finish-run.ts";
import { runFolderOf, type RunFolder } from "./run-folder.ts";
import { workOf } from "./take-over.ts";
import { Failure } from "#system/failure.ts";
import { failpoint } from "#system/failpoint.ts";

/**
 * One run of a spawned agent, from its claim to its report. The agent itself is held by a detached runner: if this
 * process dies anywhere in here, another adopts the run and goes on.
 */
export async function workSpawned(
  tools: Tools,
  driver: AgentDriver,
  claimed: Claimed,
  signal: AbortSignal,
): Promise<void> {
  const folder = runFolderOf(tools.home, claimed.runId);
  const work = workOf(claimed);
  const stop = () =>
    void endRun(folder.folder, claimed.fence).catch((error: unknown) =>
      tools.log.error({ err: error, run: work.runId }, "a run could not be ended"),
    );
  try {
    const { exited } = await start(tools, driver, claimed, folder);
    if (signal.aborted) stop();
    else signal.addEventListener("abort", stop, { once: true });
    const ended = await waitForEnd(folder.folder, claimed.fence, { exited, signal: tools.leaving });
    failpoint("run.ended");
    await finishRun(tools, work, folder, ended, signal.aborted ? String(signal.reason) : null);
  } catch (error) {
    if (tools.leaving.aborted) return;
    await endRun(folder.folder, claimed.fence).catch(() => {});
    await reportLoss(tools, work, error);
  } finally {
    signal.removeEventListener("abort", stop);
  }
}

async function start(tools: Tools, driver: AgentDriver, claimed: Claimed, folder: RunFolder): Promise<StartedRunner> {
  const { database, tenantId, home } = tools;
  const serviceDir = claimed.item_folder;
  if (serviceDir === null) throw new Failure("conflict", `${claimed.item_key} has no folder to work in.`);
  await rm(folder.work, { recursive: true, force: true });
  await saveBaseline(folder.baseline, await prepareWorkplace({ serviceDir, workDir: folder.work }));
  const before = await whyTheLastOneFailed(tools, claimed);
  const deploy = claimed.kind === "deploy" ? await tools.deploys.brief(claimed.item_id, claimed.body) : null;
  const spec = await driver.prepare({
    runId: claimed.runId,
    ticketId: claimed.id,
    tenantId,
    fence: claimed.fence,
    service: claimed.item_key,
    kind: claimed.kind,
    ticket: {
      text: ticketText(claimed, { before, deploy }),
      data: {
        id: claimed.id,
        kind: claimed.kind,
        capability: claimed.capability,
        title: claimed.title,
        round: claimed.round,
        attempt: claimed.attempt,
        ...claimed.body,
        ...(before !== null && { before }),
        ...(deploy && { deploy }),
      },
    },
    workDir: folder.work,
    runFolder: folder.folder,
    lease: {
      connectionFile: tools.lease.connectionFile,
      kind: tools.lease.kind,
      renewSql: RUNNER_RENEWAL,
      everyMs: RENEW_EVERY_MS,
      hostLeaseMs: LEASE_SECONDS.runner * 1000,
      databaseWaitMs: 60_000,
      grantedAt: new Date().toISOString(),
    },
    home,
    ...(tools.lease.kind === "embedded" ? { lastOneOutScript } : {}),
  });
  // A budget of wall time that has less left than the agent may take cuts it short.
  const totalMs = Math.min(spec.clocks.totalMs, (claimed.maxSeconds ?? Infinity) * 1000);
  await prepareRun(folder.folder, {
    ...spec,
    clocks: { ...spec.clocks, totalMs },
    env: { ...spec.env, ...(await tools.runEnvironment(claimed)), STEWARD_REPORT_FILE: folder.report },
  });
  failpoint("run.workplace_ready");
  const runner = await tools.runners.start(folder.folder, spec.marker);
  failpoint("run.runner_started");
  // The agent is at work: a database that is away for a moment is waited for, as its runner does.
  await outlastDatabase(database, () => recordStart(tools, claimed, folder, runner));
  failpoint("run.recorded");
  return runner;
}

/** Once: it may be done again where nobody knows whether it committed. */
async function recordStart(
  { database, tenantId, clock }: Tools,
  { runId, id, agentName }: Claimed,
  { folder }: RunFolder,
  { pid }: StartedRunner,
): Promise<void> {
  const started: Event = { type: "run.started", subject: runId, ticket: id, agent: agentName, pid };
  await inTenant(database.app, tenantId, (tx) =>
    sql`
      with started as (
        update run set state = 'running', folder = ${folder}, pid = ${pid}, heartbeat_at = now() where id = ${runId} and state = 'starting' returning id
      ), ${appended({ actor: "steward", at: clock.now() }, [started], { where: sql<boolean>`exists (select 1 from started)` })}
      select 1`.execute(tx),
  );
}

/** Of a ticket that is tried again, so that the same is not done twice. */
async function whyTheLastOneFailed({ database, tenantId }: Tools, claimed: Claimed): Promise<string | null> {
  if (claimed.attempt === 1) return null;
  const ticket = await inTenant(database.app, tenantId, (tx) =>
    tx.selectFrom("ticket").select("last_error").where("id", "=", claimed.id).executeTakeFirst(),
  );
  return ticket?.last_error ?? null;
}
