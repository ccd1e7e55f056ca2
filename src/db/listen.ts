import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import type { Log } from "#system/log.ts";
import type { Address, Credentials } from "./connection.ts";

export type ListenOptions = {
  /** Called for each NOTIFY. Must not throw. */
  onNotify: (channel: string, payload: string) => void;
  /** Called after the connection was lost and made again: notices in between are lost, so look at the tables. */
  onReconnect?: () => void;
};

/** A live LISTEN. `close` may be called twice, and resolves when the connection is gone. */
export type Listener = { close(): Promise<void> };

/**
 * Hears NOTIFY on these channels on a connection of its own. It resolves once it listens. When the connection breaks
 * it is made again, after 50 ms, then twice as long each time up to 5 s, for as long as it takes.
 * A doorbell only: whoever listens also polls.
 */
export async function listenOn({
  address,
  credentials,
  channels,
  log,
  onNotify,
  onReconnect = () => {},
}: {
  address: Address;
  credentials: Credentials;
  channels: string[];
  log: Log;
} & ListenOptions): Promise<Listener> {
  const stopping = new AbortController();
  const connect = () => connectOnce({ address, credentials, channels, onNotify });
  let current = await connect();

  const following = (async () => {
    while (!stopping.signal.aborted) {
      await current.broken;
      if (stopping.signal.aborted) return;
      log.warn({ channels }, "the listening database connection was lost; connecting again");
      const again = await connectAgain(connect, stopping.signal);
      if (!again) return;
      current = again;
      if (stopping.signal.aborted) return;
      onReconnect();
    }
  })();

  return {
    close: async () => {
      stopping.abort();
      await current.end();
      await following;
      await current.end();
    },
  };
}

type Connection = { broken: Promise<void>; end(): Promise<void> };

async function connectOnce({
  address,
  credentials,
  channels,
  onNotify,
}: {
  address: Address;
  credentials: Credentials;
  channels: string[];
  onNotify: ListenOptions["onNotify"];
}): Promise<Connection> {
  const client = new pg.Client({
    ...address,
    ...credentials,
    keepAlive: true,
    connectionTimeoutMillis: 10_000,
    application_name: "steward-listen",
  });
  const broken = new Promise<void>((resolve) => {
    client.on("error", () => resolve());
    client.on("end", () => resolve());
  });
  client.on("notification", ({ channel, payload }) => onNotify(channel, payload ?? ""));
  let ending: Promise<void> | null = null;
  const end = () => (ending ??= client.end().catch(() => {}));
  try {
    await client.connect();
    for (const channel of channels) await client.query(`listen ${pg.escapeIdentifier(channel)}`);
  } catch (error) {
    await end();
    throw error;
  }
  return { broken, end };
}

async function connectAgain(connect: () => Promise<Connection>, signal: AbortSignal): Promise<Connection | null> {
  for (let pauseMs = 50; !signal.aborted; pauseMs = Math.min(pauseMs * 2, 5_000)) {
    await sleep(pauseMs, undefined, { signal }).catch(() => {});
    if (signal.aborted) return null;
    const connection = await connect().catch(() => null);
    if (connection) return connection;
  }
  return null;
}
