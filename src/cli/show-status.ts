import type { Common } from "./command.ts";
import { connect, type Connection } from "./connect.ts";
import { followEvents } from "#http/follow-events.ts";
import { statusPicture } from "./status-picture.ts";
import { print, printJson } from "./talk.ts";

/** The whole picture once, or again after each change. With --json a watch prints one line a picture. */
export async function showStatus(options: Common & { watch?: true }): Promise<void> {
  const connection = await connect(options);
  const status = await connection.client.house.status();
  if (!options.watch) return options.json ? printJson(status) : print(statusPicture(status, process.stdout.columns));
  await watch(connection, options.json === true);
}

/** Bursts of events are one new picture: nobody reads faster than four a second. */
const DRAW_EVERY_MS = 250;

async function watch({ client, url, token }: Connection, json: boolean): Promise<void> {
  const ended = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => ended.abort());
  let drawnAt = 0;
  let cursor = 0;
  const draw = async () => {
    const status = await client.house.status();
    cursor = status.cursor;
    drawnAt = performance.now();
    if (json) return print(JSON.stringify(status));
    const clear = process.stdout.isTTY ? "\u001b[H\u001b[2J" : "";
    print(clear + statusPicture(status, process.stdout.columns));
  };
  await draw();
  for await (const event of followEvents({ url, token, after: cursor, signal: ended.signal })) {
    if (event.seq <= cursor) continue;
    await pauseUntil(drawnAt + DRAW_EVERY_MS, ended.signal);
    if (!ended.signal.aborted) await draw();
  }
}

async function pauseUntil(at: number, signal: AbortSignal): Promise<void> {
  const { setTimeout: pause } = await import("node:timers/promises");
  await pause(Math.max(0, at - performance.now()), undefined, { signal }).catch(() => {});
}
