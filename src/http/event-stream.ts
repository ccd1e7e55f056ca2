import { EventEmitter, once } from "node:events";
import { Readable } from "node:stream";
import { setTimeout as pause } from "node:timers/promises";
import { outlastDatabase } from "#db/outlast.ts";
import type { FastifyReply, FastifyRequest } from "fastify";
import { inTenant, isConnectionLost } from "#db/db.ts";
import { ledgerHead, readLedger, type LedgerEvent } from "#ledger/follow.ts";
import { Failure } from "#system/failure.ts";
import type { HttpContext } from "./context.ts";

/** A line of comment in a quiet stream, so that both ends see that it lives. */
const HEARTBEAT_MS = 15_000;

/** Of a stream that only rings. */
const RING_AT_MOST_EVERY_MS = 250;

/** Each page that is open holds one; a browser opens no more than a handful, a program that has gone wrong any number. */
const MOST_RINGING = 64;

/** The doorbell is heard at once; this is for one that was missed. */
const LOOK_MS = 1_000;

const PAGE = 500;

export type EventStream = {
  follow(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply>;
  /** That something happened, and nothing of what: for the page, which anybody on this machine may open. */
  ring(request: FastifyRequest, reply: FastifyReply): FastifyReply;
  /** Ends every stream. */
  close(): Promise<void>;
};

/**
 * Sealed events as server-sent events, by cursor: what was sealed is sent once and in order, and whoever comes back with
 * the last id goes on behind it. A stream waits while its reader is slow, and while the database is away.
 */
export async function openEventStream(house: HttpContext, { heartbeatMs = HEARTBEAT_MS } = {}): Promise<EventStream> {
  const bell = new EventEmitter().setMaxListeners(0);
  const ending = new AbortController();
  const ring = () => bell.emit("ring");
  let ringing = 0;
  const listener = await outlastDatabase(house.database, () =>
    house.database.listen(["steward_sealed"], { onNotify: ring, onReconnect: ring }),
  );
  return {
    follow: async (request, reply) => {
      const closed = new AbortController();
      reply.raw.once("close", () => closed.abort());
      const signal = AbortSignal.any([ending.signal, closed.signal]);
      const from = cursorOf(request) ?? (await inTenant(house.database.app, house.tenantId, ledgerHead));
      reply.header("content-type", "text/event-stream; charset=utf-8").header("cache-control", "no-store");
      return reply.send(Readable.from(frames(house, { from, bell, signal, heartbeatMs }), { objectMode: false }));
    },
    ring: (_request, reply) => {
      if (ringing >= MOST_RINGING) throw new Failure("unavailable", "Too many pages are open here: close some.");
      const closed = new AbortController();
      ringing += 1;
      reply.raw.once("close", () => {
        ringing -= 1;
        closed.abort();
      });
      const signal = AbortSignal.any([ending.signal, closed.signal]);
      reply.header("content-type", "text/event-stream; charset=utf-8").header("cache-control", "no-store");
      return reply.send(Readable.from(rings({ bell, signal, heartbeatMs }), { objectMode: false }));
    },
    close: async () => {
      ending.abort();
      await listener.close();
    },
  };
}

/** What a browser sends when it comes back is newer than the address that it comes back to. */
function cursorOf({ headers, query }: FastifyRequest): number | null {
  const given = headers["last-event-id"] ?? (query as { after?: string }).after;
  return typeof given === "string" && /^\d{1,15}$/.test(given) ? Number(given) : null;
}

async function* frames(
  { database, tenantId, log }: HttpContext,
  { from, bell, signal, heartbeatMs }: { from: number; bell: EventEmitter; signal: AbortSignal; heartbeatMs: number },
): AsyncGenerator<string> {
  let cursor = from;
  let spokeAt = performance.now();
  yield `retry: 1000\n: events after ${cursor}\n\n`;
  while (!signal.aborted) {
    // Heard from before the look on, so that a bell during it is not missed.
    const rung = waitFor(bell, signal);
    const events = await look();
    if (events.length > 0) {
      cursor = events.at(-1)!.seq;
      spokeAt = performance.now();
      yield events.map(frameOf).join("");
    } else if (performance.now() - spokeAt >= heartbeatMs) {
      spokeAt = performance.now();
      yield ": still here\n\n";
    }
    if (events.length < PAGE) await rung;
  }

  /** Nothing while the database is away: it comes back, and the cursor is kept. */
  async function look(): Promise<LedgerEvent[]> {
    try {
      return await inTenant(database.app, tenantId, (tx) => readLedger(tx, { after: cursor, limit: PAGE }));
    } catch (error) {
      if (!isConnectionLost(error)) throw error;
      log.warn({ err: error }, "live events wait for the database");
      return [];
    }
  }
}

/** An empty message for each time that something was sealed; many at once are one. */
async function* rings({
  bell,
  signal,
  heartbeatMs,
}: {
  bell: EventEmitter;
  signal: AbortSignal;
  heartbeatMs: number;
}): AsyncGenerator<string> {
  yield "retry: 1000\n: rings when something happens\n\n";
  const next = () =>
    once(bell, "ring", { signal: AbortSignal.any([signal, AbortSignal.timeout(heartbeatMs)]) }).then(
      () => true,
      () => false,
    );
  let heard = next();
  while (!signal.aborted) {
    const rung = await heard;
    // Heard from before the rest on, so that a bell during it is not missed.
    heard = next();
    yield rung ? "data: ring\n\n" : ": still here\n\n";
    await pause(RING_AT_MOST_EVERY_MS, undefined, { signal }).catch(() => {});
  }
}

/** Until the bell rings, a second is over, or it is to end; never fails. */
async function waitFor(bell: EventEmitter, signal: AbortSignal): Promise<void> {
  const over = new AbortController();
  const either = AbortSignal.any([signal, over.signal]);
  await Promise.race([once(bell, "ring", { signal: either }), pause(LOOK_MS, undefined, { signal: either })]).catch(
    () => {},
  );
  over.abort();
}

function frameOf(event: LedgerEvent): string {
  return `id: ${event.seq}\nevent: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}
