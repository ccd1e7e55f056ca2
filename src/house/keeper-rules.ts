import { deployRulesOf, type RulesFile } from "#config.ts";
import type { KeeperRules } from "#workspace/keeper.ts";
import type { WorkspaceOptions } from "#workspace/read-workspace.ts";

/** steward.yaml as the workspace's readers take it. */
export function servicesFolderOf({ rules }: RulesFile): WorkspaceOptions {
  const folder = typeof rules.services === "string" ? rules.services : rules.services.folder;
  return folder === undefined ? {} : { services: folder };
}

export function keeperRules(file: RulesFile): KeeperRules {
  const { rules, version } = file;
  return {
    ...servicesFolderOf(file),
    stated: rules.service as Record<string, Record<string, unknown>>,
    coverageFloor: rules.coverage_floor,
    drafting: rules.drafting,
    settleMs: rules.settle_seconds * 1000,
    sweepMs: rules.sweep_seconds * 1000,
    policyVersion: version,
    hasDeployTarget: (service) => deployRulesOf(rules, service) !== null,
  };
}
