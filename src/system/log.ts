import { pino, type Logger } from "pino";

export type Log = Logger;

/** Logs are JSON lines on stderr: stdout is for data. */
export function createLog({ level = "info", name = "steward" }: { level?: string; name?: string } = {}): Log {
  return pino({ level, name }, pino.destination({ fd: 2, sync: true }));
}

export const silentLog: Log = pino({ level: "silent" });
