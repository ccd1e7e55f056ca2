import { setTimeout as pause } from "node:timers/promises";
import { Failure } from "#system/failure.ts";

export type StreamedEvent = {
  seq: number;
  at: string;
  type: string;
  subject: string;
  actor: string;
  body: Record<string, unknown>;
};

/** After this long without an answer a server that was there is taken for gone. */
const PATIENCE_MS = 10_000;

/**
 * The ledger live, from a cursor on, without loss or repetition: a broken connection is made again behind the last
 * event that came. Ends quietly when the signal is aborted; a server that stays away is a Failure.
 */
export async function* followEvents({
  url,
  token,
  after,
  signal,
}: {
  url: string;
  token: string;
  after: number;
  signal: AbortSignal;
}): AsyncGenerator<StreamedEvent> {
  // prettier-ignore
  let cursor = after;
  let heardAt = performance.now();
  while (!signal.aborted) {
    try {
      const response = await fetch(`${url}/api/events/stream?after=${cursor}`, {
        headers: { authorization: `Bearer ${token}` },
        signal,
      });
      if (!response.ok || !response.body)
        throw new Failure("unreachable", `Steward at ${url} answered ${response.status} to its live events.`);
      heardAt = performance.now();
      for await (const event of eventsIn(response.body)) {
        cursor = event.seq;
        heardAt = performance.now();
        yield event;
      }
    } catch (error) {
      if (signal.aborted) return;
      if (error instanceof Failure) throw error;
      if (performance.now() - heardAt > PATIENCE_MS)
        throw new Failure("unreachable", `Steward at ${url} is gone. \`steward up\` starts it again.`, {
          cause: error,
        });
    }
    await pause(200, undefined, { signal }).catch(() => {});
  }
}

async function* eventsIn(body: ReadableStream<Uint8Array>): AsyncGenerator<StreamedEvent> {
  let rest = "";
  for await (const text of body.pipeThrough(new TextDecoderStream())) {
    const frames = (rest + text).split("\n\n");
    rest = frames.pop() ?? "";
    for (const frame of frames) {
      const data = frame.split("\n").find((line) => line.startsWith("data: "));
      if (data !== undefined) yield JSON.parse(data.slice("data: ".length)) as StreamedEvent;
    }
  }
}
