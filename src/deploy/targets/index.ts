// Where a service can be released to. A new target is a file beside this and a line here.
import { commandTarget } from "./command.ts";
import { processTarget } from "./process.ts";
import type { DeployTarget } from "./target.ts";
import type { ChangeLimits } from "#deploy/production.ts";

export type TargetTools = {
  root: string;
  hostEnvironment: Record<string, string | undefined>;
  workingFolder(service: string): string;
  /** Other than the usual times of a change. */
  changes?: Partial<ChangeLimits>;
};

export function deployTargets({ changes = {}, ...tools }: TargetTools): DeployTarget[] {
  return [processTarget({ ...tools, limits: changes }), commandTarget(tools)];
}
