// Where a service can be released to. A new target is a file beside this and a line here.
import { commandTarget } from "./command.ts";
import { processTarget } from "./process.ts";
import type { DeployTarget } from "./target.ts";

export type TargetTools = {
  root: string;
  hostEnvironment: Record<string, string | undefined>;
  workingFolder(service: string): string;
};

export function deployTargets(tools: TargetTools): DeployTarget[] {
  return [processTarget(tools), commandTarget(tools)];
}
