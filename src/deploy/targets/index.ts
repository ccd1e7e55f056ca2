// Where a service can be released to. A new target is a file beside this and a line here.
import { agentTarget, type Hired } from "./agent.ts";
import { commandTarget } from "./command.ts";
import { processTarget } from "./process.ts";
import type { DeployTarget } from "./target.ts";
import type { ChangeLimits } from "#deploy/production.ts";

export type TargetTools = {
  root: string;
  hostEnvironment: Record<string, string | undefined>;
  workingFolder(service: string): string;
  hired(service: string): Promise<Hired | null>;
  deployHosts(): readonly string[];
  /** Other than the usual times of a change. */
  changes?: Partial<ChangeLimits>;
};

export function deployTargets({ changes = {}, ...tools }: TargetTools): DeployTarget[] {
  const agent = agentTarget({ hired: tools.hired, hosts: tools.deployHosts });
  return [processTarget({ ...tools, limits: changes }), commandTarget(tools), agent];
}
