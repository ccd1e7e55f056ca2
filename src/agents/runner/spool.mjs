// The agent's output, as lines of JSON in a file: {at, stream, text}. A frame is what came at once, not a line: a
// progress bar without a newline is seen as well.
//
// Bounded everywhere: the file by limitBytes (past it, output is counted and dropped, and one note says so), memory by
// holding the agent back while HELD_BYTES wait for the disk. Writes are asynchronous, so that a slow disk delays the
// agent and not the renewal of its lease.

import { open } from "node:fs/promises";
import { StringDecoder } from "node:string_decoder";

const HELD_BYTES = 1024 * 1024;

/** The end of the output that goes into the result: as text and as JSON (at worst 6 bytes for one) it fits there. */
const LAST_BYTES = 8 * 1024;
const LAST_LINES = 40;

/** A full disk is tried again at this pace: it may have been emptied. */
const RETRY_MS = 1_000;

export function openSpool(path, { limitBytes }) {
  const opening = open(path, "a", 0o600);
  opening.catch(() => {});
  const streams = [];
  let waiting = [];
  let waitingBytes = 0;
  let writing = null;
  let fileBytes = 0;
  let outputBytes = 0;
  let droppedBytes = 0;
  let full = false;
  let failedAt = -Infinity;
  let lastAt = 0;
  let last = Buffer.alloc(0);

  return { read, note, lastAt: seen, close };

  function read(stream, name) {
    const decoder = new StringDecoder("utf8");
    const one = { stream, ended: new Promise((resolve) => stream.once("close", resolve)) };
    streams.push(one);
    stream.on("data", (chunk) => take(name, decoder, chunk));
    stream.on("error", () => {});
    stream.on("end", () => {
      const rest = decoder.end();
      if (rest !== "") frame(name, rest, 0);
    });
  }

  function take(name, decoder, chunk) {
    lastAt = performance.now();
    outputBytes += chunk.length;
    last =
      chunk.length >= LAST_BYTES
        ? Buffer.from(chunk.subarray(-LAST_BYTES))
        : Buffer.concat([last, chunk]).subarray(-LAST_BYTES);
    if (full) droppedBytes += chunk.length;
    else frame(name, decoder.write(chunk), chunk.length);
  }

  function note(text) {
    if (!full) frame("note", text, 0);
  }

  /** `bytes`: how much of the agent's output is in it. */
  function frame(stream, text, bytes) {
    if (text === "") return;
    const line = Buffer.from(`${JSON.stringify({ at: new Date().toISOString(), stream, text })}\n`);
    if (fileBytes + waitingBytes + line.length > limitBytes) {
      full = true;
      droppedBytes += bytes;
      const said = {
        at: new Date().toISOString(),
        stream: "note",
        text: `The output limit of ${limitBytes} bytes is reached: what follows is not kept.\n`,
      };
      push(Buffer.from(`${JSON.stringify(said)}\n`), 0);
    } else {
      push(line, bytes);
    }
  }

  function push(line, bytes) {
    waiting.push({ line, bytes });
    waitingBytes += line.length;
    if (waitingBytes > HELD_BYTES) for (const { stream } of streams) stream.pause();
    writing ??= drain().finally(() => (writing = null));
  }

  async function drain() {
    while (waiting.length > 0) {
      const batch = waiting;
      const bytes = Buffer.concat(batch.map(({ line }) => line));
      waiting = [];
      const written = performance.now() - failedAt < RETRY_MS ? 0 : await append(bytes);
      if (written < bytes.length) {
        failedAt = performance.now();
        for (const one of batch) droppedBytes += one.bytes;
      }
      fileBytes += written;
      waitingBytes -= bytes.length;
      for (const { stream } of streams) stream.resume();
    }
  }

  /** Bytes written; the rest is lost, and a part of a frame with it, which a reader skips. */
  async function append(bytes) {
    let written = 0;
    try {
      const file = await opening;
      while (written < bytes.length) written += (await file.write(bytes, written)).bytesWritten;
    } catch {
      return written;
    }
    return written;
  }

  /** While the agent is held back it cannot be called silent. */
  function seen() {
    return waitingBytes > HELD_BYTES ? performance.now() : lastAt;
  }

  /** Waits for the end of the streams, though not for whoever still holds them open, and for the disk. */
  async function close({ waitMs }) {
    const late = new Promise((resolve) => setTimeout(resolve, waitMs).unref());
    await Promise.race([Promise.all(streams.map(({ ended }) => ended)), late]);
    for (const { stream } of streams) stream.destroy();
    await writing;
    try {
      await (await opening).close();
    } catch {
      // Nothing more to save.
    }
    return {
      outputBytes,
      droppedBytes,
      lastLines: last
        .toString("utf8")
        .split("\n")
        .filter((line) => line !== "")
        .slice(-LAST_LINES),
    };
  }
}
