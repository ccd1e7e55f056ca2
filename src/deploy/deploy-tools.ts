import type { Tx } from "#db/db.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import type { DeployTarget, ServiceSettings } from "#deploy/targets/target.ts";

/** What the owner declared for a service's production. */
export type Declared = {
  target: DeployTarget;
  commands?: ServiceSettings["commands"];
  passEnvironment?: string[];
  env: Record<string, string>;
  /** How many releases are kept. */
  keep?: number;
};

/** What a deployment keeps of its owner's commands (its `detail`). */
export type ReleasedWith = { commands?: ServiceSettings["commands"]; pass?: string[] };

export type DeployTools = WorkTools & {
  /** The workspace, as a real path. */
  workspace: string;
  /** Null where no target is declared. */
  declared(service: string): Declared | null;
  /**
   * For what a target of this kind has released: that target, also where the owner declares it no more; then by the
   * commands that it was released with, if it was. Null if there is no such kind.
   */
  servedBy(service: string, target: string, releasedWith?: ReleasedWith): Declared | null;
  /** Where a hired agent may put a service, beside this machine: `deploy_hosts` in steward.yaml. */
  deployHosts(): readonly string[];
  /** The key that the secrets are sealed with. */
  secretKey: Uint8Array;
  processLives(tx: Tx, processId: string): Promise<boolean>;
};
