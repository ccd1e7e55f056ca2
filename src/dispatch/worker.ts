import type { LeaseKind } from "#db/schema.ts";
import type { Claimable, Claimed } from "#dispatch/claim.ts";
import type { Outcome } from "#dispatch/report.ts";
import type { Cost } from "#policy/budgets.ts";

/** Somebody in this process who can be given tickets. */
export type Worker = {
  agentId: string;
  name: string;
  capabilities: readonly string[];
  leaseKind: LeaseKind;
  /** Places that are free in this process now. */
  free(): number;
  /** Where places are shared between processes: how many runs there may be in all. */
  slots?: number;
  cost?: (ticket: Claimable) => Cost;
  /** Takes a claimed ticket and returns at once. It must not throw: whatever happens ends in a report. */
  begin(claimed: Claimed): void;
};

/** Code of ours as an agent. It is given the ticket, reads what is true now, and may be run again. */
export type BuiltinAgent = {
  name: string;
  capabilities: readonly string[];
  /** What it is and what it is not, for the owner. */
  about: string;
  /** How many runs at once in one process. */
  slots: number;
  /** Throws a Failure for what the ticket's owner can mend; anything else is a bug of ours. Heeds the signal. "reported": it
   * has reported itself, because its report commits together with something else. */
  run(claimed: Claimed, signal: AbortSignal): Promise<(Outcome & { detail?: object }) | "reported">;
};
