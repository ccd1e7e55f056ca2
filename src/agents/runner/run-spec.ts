/**
 * What a runner is told, in `spec.json` in its run folder. The file may hold a database password: it is written 0600.
 * Times are milliseconds.
 */
export type RunSpec = {
  runId: string;
  ticketId: string;
  tenantId: string;
  /** The number of the claim: one runner per fence ever starts, and a report with an older one is refused. */
  fence: number;
  command: string[];
  cwd: string;
  /** The agent's whole environment, but for the marker. Nothing else is passed on. */
  env: Record<string, string>;
  /** Given to the agent on stdin, then end of file. Without it, stdin is empty. */
  stdinFile?: string;
  clocks: RunClocks;
  limits: { outputBytes: number };
  /** 0 to 19: how far the agent stands back for others on a busy machine. */
  nice?: number;
  /** Set in the agent's environment, so that every process it leaves behind can be found. */
  marker: { name: string; value: string };
  lease: RunLease | null;
  /** Steward's state folder: the runner is listed in `<home>/alive` while it lives. */
  home?: string;
  /** Started with `home` when this was the last living entry in `<home>/alive`. */
  lastOneOutScript?: string;
};

export type RunClocks = {
  /** Without a byte of output for this long, the agent is ended. */
  silenceMs: number;
  totalMs: number;
  /** Between SIGTERM and SIGKILL when a clock ran out. */
  graceMs: number;
  /** The same for a stop and a lost lease, which must be over within 2 s of the switch: by default 500 ms at most. */
  stopGraceMs?: number;
};

export type RunLease = {
  /** One of the two. The file is read again at every attempt: an embedded database may come back on another port. */
  url?: string;
  /** JSON: `{"url": "postgres://…"}`, or the settings of a pg client as they are. */
  connectionFile?: string;
  kind: "embedded" | "external";
  /** Run with [ticketId, fence, runId], the tenant set; answers one row `state`: ok, stop or lost. No row is lost. */
  renewSql: string;
  everyMs: number;
  /** External: the agent is ended before this long has passed since the last renewal, when another host may claim. */
  hostLeaseMs: number;
  /** Embedded: how long the database may be away. */
  databaseWaitMs: number;
  /** When the claim began, ISO 8601; otherwise the runner's own start counts as the first renewal. */
  grantedAt?: string;
};

/** `run.<fence>`: who runs it. The agent is missing until it has started. */
export type RunRecord = {
  fence: number;
  pid: number;
  startTime: string;
  bootId: string;
  startedAt: string;
  agent?: { pid: number; startTime: string | null; startedAt: string };
};

export type RunOutcome = "exited" | "silence" | "total" | "stopped" | "lease_lost" | "spawn_failed" | "runner_failed";

/** `result.<fence>.json`, written once, whole, at the end. */
export type RunResult = {
  fence: number;
  runId: string;
  outcome: RunOutcome;
  /** Why, in a sentence, where the outcome alone does not say it. */
  detail: string | null;
  exitCode: number | null;
  signal: string | null;
  startedAt: string;
  endedAt: string;
  /** All that the agent wrote, kept or not. */
  outputBytes: number;
  /** What of it is not in output.log: past the limit, or the disk would not take it. */
  droppedBytes: number;
  /** The end of the output, also when the log was cut off before it. */
  lastLines: string[];
  /** False if a process of the run could not be ended. */
  clean: boolean;
  /** The largest the agent's main process was seen, looked at once a second. Linux. */
  peakRssBytes: number | null;
  /** Processor time of the agent and of those children it waited for. Linux. */
  cpuSeconds: number | null;
};

/** One line of output.log. `note` is the runner's own word. */
export type OutputFrame = { at: string; stream: "stdout" | "stderr" | "note"; text: string };

/** Exit codes of the runner itself; what became of the agent is in the result. */
export const RUNNER_EXIT = { done: 0, failed: 1, badSpec: 2, taken: 3 } as const;
