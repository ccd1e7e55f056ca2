// What every deploy target can do. Adding one: a file beside this, and a line in index.ts.

/** How a service runs in production: its owner's settings, and its secrets in clear, which no target may write down. */
export type ServiceSettings = {
  service: string;
  /** How many releases are kept. */
  keep?: number | undefined;
  /** Null: it has none that anybody said, and its target opens none. */
  publicPort: number | null;
  /** Where the public port is opened. */
  host?: string | undefined;
  healthPath?: string | undefined;
  /** The owner's own start command, run by a shell in the release's folder. */
  start?: string | undefined;
  env?: Record<string, string> | undefined;
  secrets?: Record<string, string> | undefined;
  /** For the target "command". */
  commands?:
    | { deploy: string; status?: string | undefined; rollback?: string | undefined; stop?: string | undefined }
    | undefined;
  /** Names of Steward's own environment that those commands may see. */
  passEnvironment?: string[] | undefined;
};

export type DeployInput = {
  settings: ServiceSettings;
  version: string;
  /** The folder with what was proved. */
  content: string;
  contentHash: string;
  hashContent(folder: string): Promise<string>;
  /** What serves until now, if it is of the same target. */
  previous?: string | null;
  /** It was begun before and broken off: it may have been done. */
  resumed?: boolean;
};

/**
 * Told of each step before it is taken, in order; may be awaited on. What it throws breaks the deploy off there: that
 * is how the tests stop at every boundary, and how a lost lease ends a deploy.
 */
export type Progress = (step: string, detail: string) => void | Promise<void>;

export type DeployResult = {
  ok: boolean;
  /** What now serves; null if nothing does. */
  serving: string | null;
  /** What served before. */
  before: string | null;
  /** Why, in a sentence for the owner. */
  reason: string;
  /** The last lines that the failed release wrote, secrets taken out; empty if there is nothing to show. */
  logTail: string[];
  url: string | null;
  seconds: number;
};

export type TargetStatus = {
  /** What is in production by the target's own account; null if it cannot say. */
  version: string | null;
  /** Of what was released, where the target keeps it. */
  contentHash: string | null;
  healthy: boolean;
  /** Ended on purpose. */
  stopped: false | "until recovered" | "for good";
  /** What kind of change was broken off in the middle, and is made by nobody any more: `recover` settles it. */
  brokenOff: string | null;
  /** True if its process is known to be gone: no need for a second failed probe. */
  gone: boolean;
  reason: string;
  latencyMs: number | null;
  url: string | null;
};

export type DeployTarget = {
  kind: string;
  /** Steward holds nothing of it: it asks whether it is well, and has others change it. */
  runsElsewhere?: true;
  /** It cannot do without a port: one that nobody stated is given. */
  opensPort?: true;
  /** Which steps of a recovery it knows; all of them, if it does not say. */
  can?(settings: ServiceSettings): { restart: boolean; rollback: boolean };
  deploy(input: DeployInput, progress: Progress): Promise<DeployResult>;
  /** To `toVersion`, or to the newest good version before the current one. */
  rollback(
    input: {
      settings: ServiceSettings;
      toVersion?: string | undefined;
      /** Only if this is still in production: what was decided of one release must not take back the next. */
      from?: string | undefined;
      because: string;
      /** What its owner stopped meanwhile stays down. */
      unlessStopped?: boolean;
    },
    progress: Progress,
  ): Promise<DeployResult>;
  /** What was stopped stays down: then nothing serves, and that is well. */
  restart(settings: ServiceSettings, progress: Progress): Promise<DeployResult>;
  /**
   * After a restart of the machine or of Steward: finishes or undoes what was broken off, and brings back what is down
   * and what was stopped until then. What was stopped for good stays down.
   */
  recover(settings: ServiceSettings, progress: Progress): Promise<DeployResult>;
  status(settings: ServiceSettings): Promise<TargetStatus>;
  /** Until it is recovered; `forGood`: until it is deployed again, or its owner rolls it back. */
  stop(
    settings: ServiceSettings,
    how: { forGood: boolean; /** Only if this is what serves. */ only?: string },
  ): Promise<void>;
  /** What this version wrote last, secrets taken out; empty where that is not kept. */
  lastLines(settings: ServiceSettings, version: string): Promise<string[]>;
};
