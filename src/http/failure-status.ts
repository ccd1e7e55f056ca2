import type { FailureCode } from "#system/failure.ts";

/** Each failure's HTTP status, in one table. The body is `{code, message}`; a bug is `internal`, 500. */
export const failureStatus: Record<FailureCode, number> = {
  invalid: 400,
  over_budget: 402,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  needs_approval: 409,
  stopped: 423,
  unreachable: 502,
  unavailable: 503,
};

export type ErrorBody = { code: string; message: string };
