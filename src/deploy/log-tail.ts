import { open } from "node:fs/promises";
import { hasErrorCode } from "#system/failure.ts";
import { redact } from "#system/redact.ts";

const TAIL_BYTES = 16 * 1024;

/** The last lines of a log, without the secrets that its program may have printed. Empty if there is no log. */
export async function logTail(path: string, secrets: Iterable<string>, { lines = 20 } = {}): Promise<string[]> {
  try {
    const file = await open(path, "r");
    try {
      const { size } = await file.stat();
      const length = Math.min(size, TAIL_BYTES);
      const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, size - length);
      const text = redact(buffer.subarray(0, bytesRead).toString("utf8"), secrets);
      return text
        .split("\n")
        .filter((line) => line.trim() !== "")
        .slice(-lines);
    } finally {
      await file.close();
    }
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return [];
    throw error;
  }
}
