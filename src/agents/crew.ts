import type { ActiveRuns } from "#dispatch/active-runs.ts";
import type { BuiltinAgent, Worker } from "#dispatch/worker.ts";
import type { AgentDriver } from "./drivers/driver.ts";
import type { AgentDefinition } from "./registry.ts";
import type { Tools } from "./tools.ts";
import { workBuiltin } from "./work/builtin.ts";
import { workSpawned } from "./work/spawned.ts";

export type SpawnedAgent = AgentDefinition & { driver: AgentDriver; costNano: number; totalSeconds: number };

export function definitionOf({ name, capabilities, slots, about }: BuiltinAgent): AgentDefinition {
  return { name, kind: "builtin", capabilities, slots, about, config: {} };
}

/** Code of ours as a worker: its places are this process's own. */
export function builtinWorker(tools: Tools, runs: ActiveRuns, agent: BuiltinAgent, agentId: string): Worker {
  return {
    agentId,
    name: agent.name,
    capabilities: agent.capabilities,
    leaseKind: "process",
    free: () => agent.slots - runs.count(agentId),
    begin: (claimed) =>
      runs.begin({ runId: claimed.runId, agentId, kind: "process" }, (signal) =>
        workBuiltin(tools, agent, claimed, signal),
      ),
  };
}

/** A program that is started for each run: its places are counted over all processes, in the claim. */
export function spawnedWorker(tools: Tools, runs: ActiveRuns, agent: SpawnedAgent, agentId: string): Worker {
  return {
    agentId,
    name: agent.name,
    capabilities: agent.capabilities,
    leaseKind: "runner",
    slots: agent.slots,
    free: () => agent.slots - runs.count(agentId),
    // Of money and tokens at least one: what it will really use is not known, and a budget that is used up has no room.
    cost: () => ({ nano_usd: Math.max(1, agent.costNano), seconds: agent.totalSeconds, tokens: 1 }),
    begin: (claimed) =>
      runs.begin({ runId: claimed.runId, agentId, kind: "runner" }, (signal) =>
        workSpawned(tools, agent.driver, claimed, signal),
      ),
  };
}
