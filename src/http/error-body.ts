import { ORPCError, ValidationError } from "@orpc/server";
import { isConnectionLost, isDiskFull } from "#db/db.ts";
import { Failure } from "#system/failure.ts";
import { failureStatus, type ErrorBody } from "./failure-status.ts";

/** What a caller is told of whatever was thrown; `unexpected` must be logged whole. */
export function errorAnswer(error: unknown): { status: number; body: ErrorBody; unexpected: boolean } {
  if (error instanceof Failure) {
    return { status: failureStatus[error.code], body: { code: error.code, message: error.message }, unexpected: false };
  }
  if (error instanceof ORPCError && error.status < 500) {
    return { status: error.status, body: { code: codeOf(error.status), message: messageOf(error) }, unexpected: false };
  }
  if (isConnectionLost(error)) {
    const message =
      "The database does not answer at the moment. Steward brings its own back by itself; try again in a few seconds.";
    return { status: 503, body: { code: "unavailable", message }, unexpected: true };
  }
  if (isDiskFull(error)) {
    const message = "The disk of the database is full, so nothing can be recorded. Make room there, then try again.";
    return { status: 503, body: { code: "unavailable", message }, unexpected: true };
  }
  if (isRefusal(error)) {
    return {
      status: error.statusCode,
      body: { code: codeOf(error.statusCode), message: error.message },
      unexpected: false,
    };
  }
  return {
    status: 500,
    body: { code: "internal", message: "Something went wrong in Steward; its log says what." },
    unexpected: true,
  };
}

/** Fastify's own refusals: a body too large, not JSON, a method that is not there. */
function isRefusal(error: unknown): error is Error & { statusCode: number } {
  return (
    error instanceof Error &&
    "statusCode" in error &&
    typeof error.statusCode === "number" &&
    error.statusCode >= 400 &&
    error.statusCode < 500
  );
}

function messageOf(error: ORPCError<string, unknown>): string {
  if (!(error.cause instanceof ValidationError)) return error.message;
  return error.cause.issues
    .map(({ path, message }) => {
      const place = path?.map((part) => (typeof part === "object" ? String(part.key) : String(part))).join(".");
      return place ? `${place}: ${message}` : message;
    })
    .join("; ");
}

function codeOf(status: number): string {
  if (status === 401) return "unauthorized";
  if (status === 403) return "forbidden";
  if (status === 404) return "not_found";
  return status === 429 ? "too_many_requests" : "invalid";
}
