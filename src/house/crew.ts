import { builtinWorker, definitionOf, spawnedWorker, type SpawnedAgent } from "#agents/crew.ts";
import { commandDriver } from "#agents/drivers/command.ts";
import { buildByRules, builtInBuilder } from "#agents/fleet/builder.ts";
import { registerAgents } from "#agents/registry.ts";
import type { Tools } from "#agents/tools.ts";
import type { AgentRules, RulesFile } from "#config.ts";
import { inTenant } from "#db/db.ts";
import type { DeployTools } from "#deploy/deploy-tools.ts";
import { deployer } from "#deploy/deployer.ts";
import type { ActiveRuns } from "#dispatch/active-runs.ts";
import type { BuiltinAgent, Worker } from "#dispatch/worker.ts";
import { prover } from "#workspace/prover.ts";
import type { House } from "./open-house.ts";

/** Everybody who can be given work here, by these rules: entered in the registry, and as workers of this process. */
export async function hireCrew(
  house: House,
  { tools, deploy, runs, rules: file }: { tools: Tools; deploy: DeployTools; runs: ActiveRuns; rules: RulesFile },
): Promise<Worker[]> {
  const { database, tenantId, clock, settings } = house;
  const { rules, version } = file;
  const builtins: BuiltinAgent[] = [
    ...(rules.built_in_builder ? [scaffolder(tools)] : []),
    prover(tools, {
      workspace: settings.workspace,
      slots: rules.proofs_at_once,
      testMinutes: () => rules.test_minutes,
    }),
    deployer(deploy),
  ];
  const spawned = Object.entries(rules.agents).map(([name, agent]) => spawnedAgent(name, agent, house));
  const ids = await inTenant(database.app, tenantId, (tx) =>
    registerAgents(tx, { actor: "owner", at: clock.now(), policy: version }, [
      ...builtins.map(definitionOf),
      ...spawned,
    ]),
  );
  // Releases lie on the disk of the host that serves them: a worker may be on another one, so a server deploys.
  const offered = house.kind === "server" ? builtins : builtins.filter(({ name }) => name !== "deployer");
  return [
    ...offered.map((agent) => builtinWorker(tools, runs, agent, ids.get(agent.name)!)),
    ...spawned.map((agent) => spawnedWorker(tools, runs, agent, ids.get(agent.name)!)),
  ];
}

function scaffolder(tools: Tools): BuiltinAgent {
  return {
    ...builtInBuilder,
    run: async (claimed, signal) => {
      const reasons = await buildByRules(tools, claimed, signal);
      return reasons === null ? "reported" : { outcome: "refused", reasons };
    },
  };
}

function spawnedAgent(name: string, agent: AgentRules, { settings }: House): SpawnedAgent {
  const { workspace, environment } = settings;
  const { command, env, nice } = agent;
  return {
    name,
    kind: "spawned",
    capabilities: agent.capabilities,
    slots: agent.slots,
    about: agent.about,
    config: { command },
    costNano: Math.round(agent.cost_usd * 1e9),
    totalSeconds: agent.total_minutes * 60,
    driver: commandDriver(
      {
        // A run's folder is a copy elsewhere: {workspace} is how an agent that lies in the workspace is named.
        command:
          typeof command === "string" ? command : command.map((word) => word.replaceAll("{workspace}", workspace)),
        env,
        silenceMs: agent.silence_minutes * 60_000,
        totalMs: agent.total_minutes * 60_000,
        ...(nice !== undefined && { nice }),
      },
      { environment },
    ),
  };
}
