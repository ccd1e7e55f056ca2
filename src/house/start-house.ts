import { watch } from "node:fs";
import { realpath } from "node:fs/promises";
import { join } from "node:path";
import { builtinWorker, definitionOf, spawnedWorker, type SpawnedAgent } from "#agents/crew.ts";
import { commandDriver } from "#agents/drivers/command.ts";
import { buildByRules, builtInBuilder } from "#agents/fleet/builder.ts";
import { rankBy, trackRecords, type TrackRecord } from "#agents/match.ts";
import { registerAgents } from "#agents/registry.ts";
import type { Tools } from "#agents/tools.ts";
import { adoptRuns } from "#agents/work/adopt-runs.ts";
import { sweepEndedRuns } from "#agents/work/sweep-ended-runs.ts";
import { readRules, rulesFileName, type RulesFile } from "#config.ts";
import { inTenant } from "#db/db.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import { deployer } from "#deploy/deployer.ts";
import type { ChangeLimits } from "#deploy/production.ts";
import { productionStatus } from "#deploy/production-status.ts";
import { superviseProduction, type Supervisor } from "#deploy/supervise.ts";
import { activeRuns } from "#dispatch/active-runs.ts";
import { startClaimLoop } from "#dispatch/claim-loop.ts";
import { expireDeadlines, reapExpired } from "#dispatch/reap.ts";
import { renewLeases } from "#dispatch/renew-leases.ts";
import type { BuiltinAgent, Worker } from "#dispatch/worker.ts";
import { RECOVERY_POLICY, type RecoveryPolicy } from "#health/recovery.ts";
import { append } from "#ledger/append.ts";
import { startSealer } from "#ledger/sealer.ts";
import { expireApprovals } from "#policy/approvals.ts";
import { keepWorkspace, type Keeper } from "#workspace/keeper.ts";
import { prover } from "#workspace/prover.ts";
import { makeDeployTools } from "./deploy-tools.ts";
import { keeperRules } from "./keeper-rules.ts";
import { ledgerHeadsFile, type House } from "./open-house.ts";

/** A house at work. */
export type Running = {
  house: House;
  keeper: Keeper;
  supervisor: Supervisor;
  deploy: DeployTools;
  rules(): RulesFile;
  /** Stops claiming and ends its own work; runners, services and what they need live on. May be called twice. */
  stop(reason: string): Promise<void>;
};

const TICK_MS = 1_000;

export type HouseOptions = {
  /** Keeps the workspace, too. */
  watches: boolean;
  runEnvironment?: Tools["runEnvironment"];
  /** How services in production are recovered. */
  recovery?: RecoveryPolicy;
  /** Other than the usual times of a release. */
  changes?: Partial<ChangeLimits>;
};

/** Puts an opened house to work: claims, proves, deploys, looks after services; with `watches`, keeps the workspace. */
export async function startHouse(
  house: House,
  { watches, runEnvironment = async () => ({}), recovery = RECOVERY_POLICY, changes = {} }: HouseOptions,
): Promise<Running> {
  const { settings, database, tenantId, hostId, processId, clock, log } = house;
  const workspace = await realpath(settings.workspace);
  const leaving = new AbortController();
  const runs = activeRuns(database, tenantId);
  let rules = house.rules();
  let records: TrackRecord[] = [];
  let workers: Worker[] = [];

  const base = { database, tenantId, hostId, processId, home: settings.home, clock, log };
  const keeper = keepWorkspace(base, {
    workspace,
    rules: () => keeperRules(rules),
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
    see: keeper.see,
  };
  const deploy = await makeDeployTools(house, { rules: () => rules, lookAgain, changes });

  const builtins = (): BuiltinAgent[] => [
    ...(rules.rules.built_in_builder
      ? [
          {
            ...builtInBuilder,
            run: async (claimed, signal) => refusedOr(await buildByRules(tools, claimed, signal)),
          } satisfies BuiltinAgent,
        ]
      : []),
    prover(tools, { workspace, slots: rules.rules.proofs_at_once, testMinutes: () => rules.rules.test_minutes }),
    deployer(deploy),
  ];
  const spawned = (): SpawnedAgent[] =>
    Object.entries(rules.rules.agents).map(([name, agent]) => ({
      name,
      kind: "spawned" as const,
      capabilities: agent.capabilities,
      slots: agent.slots,
      about: agent.about,
      config: { command: agent.command },
      costNano: Math.round(agent.cost_usd * 1e9),
      driver: commandDriver(
        {
          command: inWorkspace(agent.command, workspace),
          env: agent.env,
          silenceMs: agent.silence_minutes * 60_000,
          totalMs: agent.total_minutes * 60_000,
          ...(agent.nice !== undefined && { nice: agent.nice }),
        },
        { environment: settings.environment },
      ),
    }));

  async function hire(): Promise<void> {
    const own = builtins();
    const hired = spawned();
    const ids = await inTenant(database.app, tenantId, async (tx) => {
      const at = clock.now();
      await tx
        .insertInto("policy")
        .values({ tenant_id: tenantId, version: rules.version, body: JSON.stringify(rules.rules), since: at })
        .onConflict((conflict) => conflict.doNothing())
        .execute();
      return registerAgents(tx, { actor: "owner", at, policy: rules.version }, [...own.map(definitionOf), ...hired]);
    });
    workers = [
      ...own.map((agent) => builtinWorker(tools, runs, agent, ids.get(agent.name)!)),
      ...hired.map((agent) => spawnedWorker(tools, runs, agent, ids.get(agent.name)!)),
    ];
  }
  await hire();

  // Live runners are adopted before anything is reaped: a restart loses no running work.
  const adopt = () =>
    adoptRuns(tools, (work, go) => runs.begin({ runId: work.runId, kind: "runner" }, async (signal) => {
      await go(signal);
      loop.ring();
    })); // prettier-ignore
  const loop = startClaimLoop({
    database,
    hostId,
    processId,
    workers: () => workers,
    rank: rankBy(() => records),
    clock,
    log,
    paused: true,
  });
  await adopt();
  await sweepEndedRuns(tools);
  const renewal = renewLeases(database, tenantId, processId);
  const sealer = startSealer(database.engine, { headsFile: ledgerHeadsFile(settings.home), log });
  const supervisor = superviseProduction(deploy, {
    probeMs: () => rules.rules.probe_seconds * 1000,
    policy: recovery,
  });
  const heard = (channel: string) =>
    channel === "steward_stop" ? void runs.stopWhatIsStopped().catch(() => {}) : loop.ring();
  const listener = await database.listen(["steward_ready", "steward_stop"], {
    onNotify: heard,
    onReconnect: () => heard("steward_ready"),
  });
  loop.ring();

  let ticks = 0;
  let ticking: Promise<void> = Promise.resolve();
  const tick = async () => {
    ticks += 1;
    await adopt();
    await runs.stopWhatIsStopped();
    if ((await reapExpired(database.engine, database.app, clock.now())) > 0) loop.ring();
    if (ticks % 5 === 1) {
      records = await inTenant(database.app, tenantId, trackRecords);
      await expireDeadlines(database.app, tenantId, clock.now());
      await inTenant(database.app, tenantId, (tx) => expireApprovals(tx, clock.now()));
    }
  };
  const timer = setInterval(() => {
    ticking = ticking
      .then(tick)
      .catch((error: unknown) =>
        log.warn({ err: error }, "a round of looking after runs failed; the next one is in a second"),
      );
  }, TICK_MS);

  /** steward.yaml was saved: what is wrong is said, and the rules before stay in force. */
  const reread = async () => {
    const read = readRules(workspace);
    if (read.version === rules.version && read.problems.length === 0) return;
    if (read.problems.length > 0) {
      log.error({ problems: read.problems }, `${rulesFileName} is not as it should be: the rules before stay in force`);
      return;
    }
    const from = rules.version;
    rules = read;
    await inTenant(database.app, tenantId, (tx) =>
      append(
        tx,
        { actor: "owner", at: clock.now() },
        { type: "policy.changed", subject: tenantId, from, to: read.version },
      ),
    );
    await hire();
    await keeper.rulesChanged();
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

  if (watches) await keeper.start();

  let stopping: Promise<void> | undefined;
  return {
    house,
    keeper,
    supervisor,
    deploy,
    rules: () => rules,
    stop: (reason) =>
      (stopping ??= (async () => {
        clearInterval(timer);
        clearTimeout(rereading);
        rulesWatch.close();
        leaving.abort(reason);
        await Promise.all([loop.stop(), supervisor.stop(), ticking]);
        await runs.leave(reason);
        await keeper.stop();
        await listener.close();
        await renewal.stop();
        await sealer.stop();
      })()),
  };
}

/** `node agents/x.mjs` means the workspace's agents/x.mjs, wherever the run's own folder is. */
function inWorkspace(command: string | string[], workspace: string): string | string[] {
  if (typeof command === "string") return command;
  return command.map((word) => word.replaceAll("{workspace}", workspace));
}

function refusedOr(reasons: string[] | null): { outcome: "refused"; reasons: string[] } | "reported" {
  return reasons === null ? "reported" : { outcome: "refused", reasons };
}
