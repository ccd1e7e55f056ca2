import type { Database } from "#db/open.ts";
import type { Head } from "#ledger/seal.ts";
import type { Trouble } from "#db/embedded/watch-room.ts";
import type { RulesState } from "#policy/rules-state.ts";
import type { Clock } from "#system/clock.ts";
import type { Log } from "#system/log.ts";

/** What became of something that was asked for. */
export type Answer = {
  ok: boolean;
  /** One sentence for a person. */
  message: string;
  /** The ticket that carries it out, where it is not done at once. */
  ticket: string | null;
  version: string | null;
};

/** What the running house does on request. Each throws a Failure for what its caller can mend. */
export type Commands = {
  /** Reads a service's folder, or all, and decides its next step, now. */
  look(service?: string): Promise<void>;
  /** Asks for a verdict on the content as it is. */
  checkNow(service: string): Promise<Answer>;
  deployNow(service: string): Promise<Answer>;
  /** To that version, or to the newest good one before the current. */
  rollback(service: string, version?: string): Promise<Answer>;
  stopProduction(service: string): Promise<Answer>;
  setSecret(service: string, name: string, value: string): Promise<void>;
  removeSecret(service: string, name: string): Promise<void>;
  secretNames(service: string): Promise<string[]>;
  /** The file that its release writes to; null if it has none. */
  productionLog(service: string): Promise<string | null>;
};

/** All that the server needs; main.ts hands it in. */
export type HttpContext = {
  database: Database;
  tenantId: string;
  clock: Clock;
  log: Log;
  /** Steward's own folder for this workspace: the token, the run keys' secret and server.json lie in it. */
  home: string;
  host: string;
  /** 0: any free one. */
  port: number;
  workspace: string;
  version: string;
  commands: Commands;
  /** The owner's rules, and what is wrong with their file. */
  rules(): RulesState;
  /** What keeps Steward from working as it should, each with what to do. */
  troubles(): Trouble[];
  /** The ledger's heads that were published outside of the database, for the audit. */
  publishedHeads(): Promise<Head[]>;
};

/** Who asks. */
export type Caller = { kind: "owner"; from: string } | { kind: "run"; runId: string };

/** What every operation gets. */
export type RequestContext = { house: HttpContext; caller: Caller; startedAt: Date };
