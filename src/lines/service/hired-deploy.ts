/**
 * A deployment that a hired agent makes: it acts where Steward has no hand, and hands in a record of what it says it did.
 * Plain data, for who runs the agent and for who judges the deployment.
 */

/** Where in the service's folder, as the agent has it, the record is left. */
export const HIRED_RECORD = "PRODUCTION/deployed_config.json";

/** What an agent is told beside its ticket. */
export type DeployBrief = {
  service: string;
  /** Names the content that is to be deployed; an answer that holds it shows that it is this version. */
  mark: string;
  /** Where its owner wants it; null: anywhere that is free. */
  port: number | null;
  healthPath: string;
  /** What serves now; what the agent that deployed it said of how it is stopped and taken back. */
  serving: { version: string; url: string | null; stop: string | null; rollback: string | null } | null;
  /** The version that is to serve again instead, and what its agent called it. */
  back: { to: string; agentVersion: string | null } | null;
};

/** In the ticket's body: what is to be deployed, and where an earlier version is to serve again, which instead of which. */
export type DeployOrder = { contentHash: string; back?: { from: string; to: string } };

/** What a run left, and who reports it. */
export type HandedIn = {
  runId: string;
  ticketId: string;
  itemId: string;
  fence: number;
  round: number;
  agent: string;
  /** The text of HIRED_RECORD; null: there is none. */
  record: string | null;
  /** Files of what was to be deployed that were changed or removed before it was. */
  changed: string[];
  /** What else it left: not taken over. */
  left: string[];
};

export type HiredDeploys = {
  /** By the ticket's body. Throws a Failure where this may not be deployed, such as for want of a green verdict. */
  brief(itemId: string, body: object): Promise<DeployBrief>;
  /** Judges what was handed in, records what came of it, and reports the run. */
  judge(handedIn: HandedIn): Promise<void>;
};
