import type { FailureCode } from "#system/failure.ts";

/** What a shell is told, in one table: the same numbers for every command. */
export const exitCode = {
  ok: 0,
  failed: 1,
  usage: 2,
  notFound: 3,
  notAllowed: 4,
  needsApproval: 5,
  unreachable: 6,
} as const;

export const failureExit: Record<FailureCode, number> = {
  invalid: exitCode.usage,
  not_found: exitCode.notFound,
  forbidden: exitCode.notAllowed,
  stopped: exitCode.notAllowed,
  over_budget: exitCode.notAllowed,
  conflict: exitCode.needsApproval,
  needs_approval: exitCode.needsApproval,
  unreachable: exitCode.unreachable,
  unavailable: exitCode.unreachable,
};
