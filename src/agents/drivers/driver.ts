import type { RunLease, RunSpec } from "#agents/runner/run-spec.ts";

/** One run of a claimed ticket, as every driver is given it. */
export type AgentWork = {
  runId: string;
  ticketId: string;
  tenantId: string;
  fence: number;
  /** What the ticket is about, as people name it: the service's name, or the task's label. */
  service: string;
  /** What is to be done: builder, tester, fixer and so on. */
  kind: string;
  ticket: {
    /** For a reader: what to do, why, and what it is checked by. Markdown. */
    text: string;
    /** The same for a program. */
    data: unknown;
  };
  /** Where the agent works: a folder of its own, made by prepareWorkplace. */
  workDir: string;
  /** Where the runner keeps its files; the ticket's are put here, so that they are never taken for a change. */
  runFolder: string;
  lease: RunLease | null;
  /** See RunSpec. */
  home?: string;
  lastOneOutScript?: string;
};

/** How we talk to a kind of agent. `prepare` writes what the agent reads, and says what to start. */
export type AgentDriver = {
  kind: string;
  prepare(work: AgentWork): Promise<RunSpec>;
};
