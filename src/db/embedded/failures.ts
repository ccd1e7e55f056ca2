import { Failure } from "#system/failure.ts";

/** The end of every message about a machine on which the embedded database cannot run. */
const otherwise = "or set DATABASE_URL to a PostgreSQL 15 or newer of your own";

/** A failure of the embedded database, with its cure, and the way around it. */
export function cannotRun(what: string, cure: string, cause?: unknown): Failure {
  return new Failure("unavailable", `${what} ${cure}, ${otherwise}.`, cause === undefined ? {} : { cause });
}
