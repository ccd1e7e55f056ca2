import { watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { rankBy, trackRecords, type TrackRecord } from "#agents/match.ts";
import type { Tools } from "#agents/tools.ts";
import { keepReadyRunner } from "#agents/runner/ready-runner.ts";
import { adoptRuns } from "#agents/work/adopt-runs.ts";
import { pruneRuns } from "#agents/work/prune-runs.ts";
import { sweepEndedRuns } from "#agents/work/sweep-ended-runs.ts";
import { rulesFileName, type RulesFile } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import { endAbandonedEffects } from "#effects/end-abandoned.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import { hiredDeploys } from "#deploy/hired/hired-deploys.ts";
import type { ChangeLimits } from "#deploy/production.ts";
import { productionStatus } from "#deploy/production-status.ts";
import { superviseProduction, type Supervisor } from "#deploy/supervise.ts";
import { activeRuns } from "#dispatch/active-runs.ts";
import { startClaimLoop } from "#dispatch/claim-loop.ts";
import { expireDeadlines, reapExpired } from "#dispatch/reap.ts";
import { renewLeases } from "#dispatch/renew-leases.ts";
import type { Worker } from "#dispatch/worker.ts";
import { RECOVERY_POLICY, type RecoveryPolicy } from "#health/recovery.ts";
import { startSealer } from "#ledger/sealer.ts";
import { expireApprovals } from "#policy/approvals.ts";
import type { RulesState } from "#policy/rules-state.ts";
import { keepWorkspace, type Keeper } from "#workspace/keeper.ts";
import { hireCrew } from "./crew.ts";
import { makeDeployTools } from "./deploy-tools.ts";
import { keeperRules } from "./keeper-rules.ts";
import { ledgerHeadsFile, type House } from "./open-house.ts";
import { rulesInForce } from "./rules-in-force.ts";

/** A house at work. */
export type Running = {
  house: House;
  keeper: Keeper;
  supervisor: Supervisor;
  deploy: DeployTools;
  rules(): RulesFile;
  rulesState(): RulesState;
  /** Stops claiming and ends its own work; runners, services and what they need live on. May be called twice. */
  stop(reason: string): Promise<void>;
};

const TICK_MS = 1_000;
/** Every hour, and a minute after the start. */
const PRUNE_TICKS = 3_600;

export type HouseOptions = {
  /** Keeps the workspace, too. */
  watches: boolean;
  runEnvironment?: Tools["runEnvironment"];
  /** How services in production are recovered. */
  recovery?: RecoveryPolicy;
  /** Other than the usual times of a release. */
  changes?: Partial<ChangeLimits>;
};

/**
 * Puts an opened house to work: claims, proves, deploys, looks after services; with `watches`, keeps the workspace. If it
 * cannot start, whatever had started is stopped again.
 */
export async function startHouse(house: House, options: HouseOptions): Promise<Running> {
  const undo: (() => Promise<unknown>)[] = [];
  try {
    return await start(house, options, undo);
  } catch (error) {
    for (const step of undo.toReversed()) await step().catch(() => {});
    throw error;
  }
}

async function start(
  house: House,
  { watches, runEnvironment = async () => ({}), recovery = RECOVERY_POLICY, changes = {} }: HouseOptions,
  undo: (() => Promise<unknown>)[],
): Promise<Running> {
  const { settings, database, tenantId, hostId, processId, clock, log } = house;
  const workspace = await realpath(settings.workspace);
  const leaving = new AbortController();
  const runners = keepReadyRunner();
  undo.push(async () => runners.stop());
  const runs = activeRuns(database, tenantId);
  // A start outlasts a database that is killed meanwhile: each of its steps may be taken twice.
  const outlast = <T>(work: () => Promise<T>) => outlastDatabase(database, work);
  const inForce = await outlast(() => rulesInForce(house));
  let records: TrackRecord[] = [];
  let workers: Worker[] = [];

  const base = { database, tenantId, hostId, processId, home: settings.home, clock, log };
  const keeper = keepWorkspace(base, {
    workspace,
    rules: () => keeperRules(inForce.current()),
    statusOf: (itemId) => inTenant(database.app, tenantId, (tx) => productionStatus(tx, itemId)),
  });
  const lookAgain = async (itemId: string) => {
    try {
      const item = await inTenant(database.app, tenantId, (tx) =>
        tx.selectFrom("item").select("key").where("id", "=", itemId).executeTakeFirst(),
      );
      if (item) await keeper.look(item.key);
    } catch (error) {
      log.warn({ err: error, item: itemId }, "an item could not be looked at again; the sweep does");
    }
  };
  const deploy = await makeDeployTools(house, { rules: inForce.current, lookAgain, changes });
  const tools: Tools = {
    ...base,
    lookAgain,
    lease: {
      connectionFile: join(settings.home, "lease-connection.json"),
      kind: house.embedded ? "embedded" : "external",
    },
    environment: settings.environment,
    runEnvironment,
    leaving: leaving.signal,
    runners,
    deploys: hiredDeploys(deploy),
    see: keeper.see,
  };

  const hire = async () => {
    workers = await hireCrew(house, { tools, deploy, runs, rules: inForce.current() });
    if (workers.some(({ leaseKind }) => leaseKind === "runner")) runners.makeReady();
  };
  await outlast(hire);

  // Live runners are adopted before anything is reaped: a restart loses no running work.
  const adopt = adoptRuns(tools, {
    follows: (runId) => runs.has(runId),
    follow: (work, go) =>
      runs.begin({ runId: work.runId, kind: "runner" }, async (signal) => {
        await go(signal);
        loop.ring();
      }),
  });
  const loop = startClaimLoop({
    database,
    hostId,
    processId,
    workers: () => workers,
    rank: rankBy(() => records),
    clock,
    log,
    paused: true,
    held: () => house.troubles().length > 0,
  });
  undo.push(() => loop.stop());
  await outlast(adopt);
  await outlast(() => sweepEndedRuns(tools));
  await outlast(() => endAbandonedEffects(deploy));
  const renewal = renewLeases(database, tenantId, processId);
  undo.push(() => renewal.stop());
  const sealer = startSealer(database.engine, { headsFile: ledgerHeadsFile(settings.home), log });
  undo.push(() => sealer.stop());
  const supervisor = superviseProduction(deploy, {
    probeMs: () => inForce.current().rules.probe_seconds * 1000,
    policy: recovery,
  });
  undo.push(() => supervisor.stop());
  const heard = (channel: string) =>
    channel === "steward_stop" ? void runs.stopWhatIsStopped().catch(() => {}) : loop.ring();
  const listener = await outlast(() =>
    database.listen(["steward_ready", "steward_stop"], {
      onNotify: heard,
      onReconnect: () => heard("steward_ready"),
    }),
  );
  undo.push(() => listener.close());
  loop.ring();

  let ticks = 0;
  let ticking: Promise<void> = Promise.resolve();
  const tick = async () => {
    ticks += 1;
    await adopt();
    await runs.stopWhatIsStopped();
    if ((await reapExpired(database.engine, database.app, clock.now(), { processId })) > 0) loop.ring();
    if (ticks % 5 === 1) {
      await reread();
      records = await inTenant(database.app, tenantId, trackRecords);
      await expireDeadlines(database.app, tenantId, clock.now());
      await inTenant(database.app, tenantId, (tx) => expireApprovals(tx, clock.now()));
    }
    if (ticks % 10 === 9) await sweepEndedRuns(tools);
    if (ticks % PRUNE_TICKS === 60)
      void pruneRuns(tools).catch((error: unknown) => log.warn({ err: error }, "old runs could not be taken away"));
  };
  const timer = setInterval(() => {
    ticking = ticking
      .then(tick)
      .catch((error: unknown) =>
        log.warn({ err: error }, "a round of looking after runs failed; the next one is in a second"),
      );
  }, TICK_MS);

  undo.push(async () => clearInterval(timer));

  /** Other rules are in force: who works by them is told, and told again if that did not get through. */
  let untold = false;
  const reread = async () => {
    untold = (await inForce.check()) || untold;
    if (!untold) return;
    await hire();
    await keeper.rulesChanged();
    untold = false;
    loop.ring();
  };
  let rereading: NodeJS.Timeout | undefined;
  const rulesWatch = watch(workspace, (_event, name) => {
    if (name !== rulesFileName) return;
    clearTimeout(rereading);
    rereading = setTimeout(
      () =>
        void reread().catch((error: unknown) => log.error({ err: error }, `${rulesFileName} could not be read again`)),
      300,
    );
  });
  rulesWatch.on("error", (error) =>
    log.warn({ err: error }, `${rulesFileName} is no longer watched; restart to read changes`),
  );
  rulesWatch.unref();
  undo.push(async () => rulesWatch.close());
  undo.push(() => keeper.stop());

  if (watches) await keeper.start();

  let stopping: Promise<void> | undefined;
  return {
    house,
    keeper,
    supervisor,
    deploy,
    rules: inForce.current,
    rulesState: inForce.state,
    stop: (reason) =>
      (stopping ??= (async () => {
        clearInterval(timer);
        clearTimeout(rereading);
        rulesWatch.close();
        leaving.abort(reason);
        runners.stop();
        // What waits for a database that is away would wait for ever: its work is safe to be taken up later.
        const within = (what: string, work: Promise<unknown>) =>
          inTime(work, () => log.warn(`${what} did not end in time`));
        await within("claiming and recovery", Promise.all([loop.stop(), supervisor.stop(), ticking]));
        await within("the work under way", runs.leave(reason));
        await within("the keeper of the workspace", keeper.stop());
        await within("listening", listener.close());
        await within("the leases' thread", renewal.stop());
        await within("the sealer", sealer.stop());
      })()),
  };
}

/** Longer than any step takes that is not stuck. */
const STOP_MS = 10_000;

async function inTime(work: Promise<unknown>, late: () => void): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const limit = new Promise<"late">((resolve) => (timer = setTimeout(() => resolve("late"), STOP_MS)));
  const first = await Promise.race([work, limit]);
  clearTimeout(timer);
  if (first === "late") late();
}
