import { pino, type Logger } from "pino";

export type Log = Logger;

/** Logs are JSON lines on stderr: stdout is for data. */
export function createLog({ level = "info", name = "steward" }: { level?: string; name?: string } = {}): Log {
  return pino({ level, name, serializers: { err: tellError } }, pino.destination({ fd: 2, sync: true }));
}

type Told = { type: string; message: string; stack?: string; code?: unknown; cause?: Told };

/**
 * An error in a log line: what it is, where it came from and why. Not all that hangs on it: one of the database's has its
 * whole connection on it, with every prepared statement and the key that cancels its queries.
 */
export function tellError(error: unknown, depth = 0): Told {
  if (!(error instanceof Error)) return { type: typeof error, message: String(error) };
  const { name, message, stack, cause } = error;
  return {
    type: name === "Error" ? error.constructor.name : name,
    message,
    ...(stack !== undefined && { stack }),
    ...("code" in error && { code: error.code }),
    ...(cause !== undefined && depth < 5 && { cause: tellError(cause, depth + 1) }),
  };
}

export const silentLog: Log = pino({ level: "silent" });
