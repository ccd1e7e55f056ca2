import { join } from "node:path";
import { deployRulesOf, type RulesFile } from "#config.ts";
import type { Declared, DeployTools } from "#deploy/deploy-tools.ts";
import { readHired } from "#deploy/hired/read-hired.ts";
import type { ChangeLimits } from "#deploy/production.ts";
import { secretKey } from "#deploy/secrets.ts";
import { deployTargets } from "#deploy/targets/index.ts";
import { processLives } from "#dispatch/register-process.ts";
import { openWorkspace } from "#workspace/read-workspace.ts";
import type { House } from "./open-house.ts";
import { servicesFolderOf } from "./keeper-rules.ts";

/** What deploys, probes and recoveries need, by the rules as they are at each moment. */
export async function makeDeployTools(
  { settings, database, tenantId, hostId, processId, clock, log }: House,
  {
    rules,
    lookAgain,
    changes = {},
  }: { rules: () => RulesFile; lookAgain: (itemId: string) => Promise<void>; changes?: Partial<ChangeLimits> },
): Promise<DeployTools> {
  const { workspace, home } = settings;
  const folderOf = (service: string) => join(openWorkspace(workspace, servicesFolderOf(rules())).folder, service);
  const deployHosts = () => rules().rules.deploy_hosts;
  const targets = deployTargets({
    root: join(home, "production"),
    hostEnvironment: settings.environment,
    workingFolder: folderOf,
    hired: (service) => readHired({ database, tenantId }, service),
    deployHosts,
    changes,
  });
  const declared = (service: string): Declared | null => {
    const rulesOfIt = deployRulesOf(rules().rules, service);
    const target = rulesOfIt && targets.find(({ kind }) => kind === rulesOfIt.target);
    if (!rulesOfIt || !target) return null;
    const env = environmentOf(service);
    if (rulesOfIt.target === "process") return { target, env, keep: rulesOfIt.keep };
    return { target, env, commands: rulesOfIt, passEnvironment: rulesOfIt.pass };
  };
  const environmentOf = (service: string) => rules().rules.service[service]?.environment ?? {};

  return {
    database,
    tenantId,
    hostId,
    processId,
    home,
    clock,
    log,
    lookAgain,
    workspace,
    secretKey: await secretKey(home),
    processLives: (tx, id) => processLives(tx, hostId, id),
    declared,
    deployHosts,
    servedBy(service, kind, { commands, pass } = {}): Declared | null {
      const now = declared(service);
      if (now?.target.kind === kind) return now;
      const target = targets.find((one) => one.kind === kind);
      const released = { ...(commands && { commands }), ...(pass && { passEnvironment: pass }) };
      return target ? { target, env: environmentOf(service), ...released } : null;
    },
  };
}
