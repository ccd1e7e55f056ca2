import type { Runners } from "#agents/runner/ready-runner.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import type { HiredDeploys } from "#lines/service/hired-deploy.ts";

/** All that the parts which run agents may reach. */
export type Tools = WorkTools & {
  /** How a runner reaches the database, and whether it may be away for a while. */
  lease: { connectionFile: string; kind: "embedded" | "external" };
  /** For an agent's environment; only what its owner allows is taken of it. */
  environment: Record<string, string | undefined>;
  /** More for the environment of one run, such as its key for the API. */
  runEnvironment(run: { runId: string; fence: number }): Promise<Record<string, string>>;
  /** Aborted when this process ends while runners live on: they are followed no more, and adopted later. */
  leaving: AbortSignal;
  /** Starts runners, and holds one ready. */
  runners: Runners;
  /** Briefs agents that are to deploy, and judges what they say they did. */
  deploys: HiredDeploys;
  /** What a service's folder shows now. */
  see(serviceDir: string): SeenFacts;
};
