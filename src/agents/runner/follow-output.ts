import { open, type FileHandle } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { hasErrorCode } from "#system/failure.ts";
import { readRun } from "./read-run.ts";
import type { OutputFrame } from "./run-spec.ts";

/** `next` is where to go on from: give it as `from` later. */
export type FollowedFrame = OutputFrame & { next: number };

const PIECE_BYTES = 64 * 1024;
const newline = 0x0a;

/**
 * A run's output from byte `from` on, as it is written, until the run has ended and all of it was read; with
 * `follow: false` only what is there now. Ends quietly when the signal is aborted.
 */
export async function* followOutput(
  folder: string,
  {
    fence,
    from = 0,
    follow = true,
    signal,
    everyMs = 100,
  }: { fence: number; from?: number; follow?: boolean; signal?: AbortSignal; everyMs?: number },
): AsyncGenerator<FollowedFrame> {
  let at = from;
  let file: FileHandle | null = null;
  try {
    while (!signal?.aborted) {
      // Asked before reading: what was written before the end is then read in this round.
      const run = follow ? await readRun(folder, fence) : null;
      file ??= await openIfThere(join(folder, "output.log"));
      if (file) {
        for await (const frame of readFrames(file, at)) {
          at = frame.next;
          yield frame;
          if (signal?.aborted) return;
        }
      }
      if (run === null || run.state === "ended" || run.state === "dead") return;
      await pause(everyMs, undefined, { ...(signal && { signal }) }).catch(() => {});
    }
  } finally {
    await file?.close();
  }
}

/** Whole lines only: a frame that is being written is left for the next time. */
async function* readFrames(file: FileHandle, from: number): AsyncGenerator<FollowedFrame> {
  const piece = Buffer.alloc(PIECE_BYTES);
  let rest: Buffer[] = [];
  let next = from;
  let position = from;
  for (;;) {
    const { bytesRead } = await file.read(piece, 0, piece.length, position);
    if (bytesRead === 0) return;
    position += bytesRead;
    let start = 0;
    for (let end = piece.indexOf(newline); end !== -1 && end < bytesRead; end = piece.indexOf(newline, start)) {
      const line = Buffer.concat([...rest, piece.subarray(start, end)]);
      rest = [];
      start = end + 1;
      next += line.length + 1;
      const frame = parseFrame(line);
      if (frame) yield { ...frame, next };
    }
    rest.push(Buffer.from(piece.subarray(start, bytesRead)));
  }
}

/** Null for a line that a full disk cut short. */
function parseFrame(line: Buffer): OutputFrame | null {
  try {
    return JSON.parse(line.toString("utf8")) as OutputFrame;
  } catch {
    return null;
  }
}

async function openIfThere(path: string): Promise<FileHandle | null> {
  try {
    return await open(path, "r");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  }
}
