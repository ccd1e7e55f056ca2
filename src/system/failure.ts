/** Why something cannot be. Each has one HTTP status and one exit code, listed where those are made. */
export type FailureCode =
  | "invalid"
  | "not_found"
  | "forbidden"
  | "conflict"
  | "needs_approval"
  | "stopped"
  | "over_budget"
  | "unreachable"
  | "unavailable";

/**
 * Something the caller did, or asked for, that cannot be. Its message is shown to them as it stands: it says what
 * happened, to which one, and what to do next. Anything else that is thrown is a bug or an outage: it is logged
 * whole, and the caller sees only "internal".
 */
export class Failure extends Error {
  override readonly name = "Failure";
  readonly code: FailureCode;

  constructor(code: FailureCode, message: string, options?: ErrorOptions) {
    super(message, options);
    this.code = code;
  }
}

/** What a caught value says, in one line, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

/** True for a Node system error with this code, such as ENOENT. */
export function hasErrorCode(error: unknown, ...codes: string[]): boolean {
  return error instanceof Error && "code" in error && codes.includes(String(error.code));
}
