// The channel by which our own test recorders report. The tests run beside them and may try to report for them: so
// each line is numbered and signed with a key that the recorder reads once, before any test is loaded.
//
// This stops forged and cut-off reports. It cannot stop code that takes the recorder's own process over by its memory;
// tests that assert nothing are likewise beyond it, and are what the coverage floor and a reviewer are for.

import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import type { Readable, Writable } from "node:stream";

export type SignedReport = {
  messages: unknown[];
  /** The recorder's last message came: nothing is missing. */
  complete: boolean;
  /** Something that the recorder did not write was in the channel. */
  forged: boolean;
};

export function readSignedReport(from: Readable, keyTo: Writable, limitBytes: number) {
  const key = randomBytes(32).toString("hex");
  const chunks: Buffer[] = [];
  let bytes = 0;
  const overflowed = new Promise<void>((resolve) => {
    from.on("data", (chunk: Buffer) => {
      bytes += chunk.length;
      if (bytes <= limitBytes) chunks.push(chunk);
      else resolve();
    });
  });
  // A program that never reads its key, or ends early, is seen by what the report lacks.
  from.on("error", () => {});
  keyTo.on("error", () => {});
  keyTo.end(key);
  return { overflowed, read: () => verify(key, Buffer.concat(chunks).toString("utf8")) };
}

/** A line is: number, a space, HMAC-SHA256 in hex of "number json", a space, json. The last json is {"type":"end"}. */
function verify(key: string, text: string): SignedReport {
  const lines = text.split("\n");
  // What follows the last newline is a line that was cut off when its writer was ended.
  lines.pop();
  const report: SignedReport = { messages: [], complete: false, forged: false };
  for (const line of lines) {
    const message = report.complete ? null : opened(key, report.messages.length, line);
    if (message === null) {
      report.forged = true;
      continue;
    }
    report.messages.push(message);
    report.complete = message.type === "end";
  }
  return report;
}

function opened(key: string, number: number, line: string): { type?: unknown } | null {
  const [, sequence, signature, json] = /^(\d+) ([0-9a-f]{64}) (.+)$/s.exec(line) ?? [];
  if (sequence === undefined || signature === undefined || json === undefined) return null;
  if (Number(sequence) !== number) return null;
  const expected = createHmac("sha256", key).update(`${sequence} ${json}`).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex"))) return null;
  return JSON.parse(json) as { type?: unknown };
}
