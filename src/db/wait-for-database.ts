import { setTimeout as sleep } from "node:timers/promises";
import pg from "pg";
import { Failure, messageOf } from "#system/failure.ts";
import type { Address, Credentials } from "./connection.ts";

/** Resolves once the database takes a connection and answers; after `timeoutMs` it is a Failure with the last reason. */
export async function waitForDatabase({
  address,
  credentials,
  timeoutMs = 60_000,
}: {
  address: Address;
  credentials: Credentials;
  timeoutMs?: number;
}): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (let pauseMs = 25; ; pauseMs = Math.min(pauseMs * 2, 1_000)) {
    const trouble = await tryOnce(address, credentials);
    if (trouble === null) return;
    if (Date.now() + pauseMs > deadline) {
      throw new Failure("unavailable", `The database has not answered for ${timeoutMs / 1000} s: ${trouble}.`);
    }
    await sleep(pauseMs);
  }
}

async function tryOnce(address: Address, credentials: Credentials): Promise<string | null> {
  const client = new pg.Client({ ...address, ...credentials, connectionTimeoutMillis: 5_000 });
  client.on("error", () => {});
  try {
    await client.connect();
    await client.query("select 1");
    return null;
  } catch (error) {
    return messageOf(error);
  } finally {
    await client.end().catch(() => {});
  }
}
