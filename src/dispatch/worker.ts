import type { LeaseKind } from "#db/schema.ts";
import type { Claimable, Claimed } from "#dispatch/claim.ts";
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
