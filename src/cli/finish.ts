import { exitCode } from "./exit-code.ts";
import { answer } from "./talk.ts";

/** Says what became of it; what did not work out is exit code 1. */
export function finish(json: boolean | undefined, done: { ok: boolean; message: string }): void {
  answer(json, done, done.message);
  if (!done.ok) process.exitCode = exitCode.failed;
}
