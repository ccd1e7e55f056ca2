/**
 * Renews the leases of one process's built-in work, on a thread of its own: a process whose main thread is busy with a
 * long parse or a big folder is slow, not dead, and must not lose its runs. When the process dies, this dies with it.
 */
import { setTimeout as pause } from "node:timers/promises";
import { parentPort, workerData } from "node:worker_threads";
import pg from "pg";
import { LEASE_SECONDS, RENEW_EVERY_MS } from "#dispatch/lease.ts";

export type RenewData = { connection: pg.ClientConfig; tenantId: string; processId: string };

const { connection, tenantId, processId } = workerData as RenewData;

/**
 * One statement, so that it is one round trip; row-level security needs the tenant of the same transaction. A lease that
 * ran out while the database was away, and that nobody has reaped since, is still this process's, and it lives.
 */
const RENEW = `
  with renewed as (
    update ticket set lease_until = now() + interval '${LEASE_SECONDS.process} seconds'
    where process_id = $1 and state = 'claimed' and lease_kind = 'process' returning 1)
  update process set seen_at = now() where id = $1 and (select count(*) from renewed) >= 0`;

let client: pg.Client | undefined;
const stopping = new AbortController();

parentPort?.on("message", (message) => {
  if (message !== "stop") return;
  stopping.abort();
  parentPort?.close();
});

while (!stopping.signal.aborted) {
  const started = Date.now();
  try {
    client ??= await connect();
    await client.query("begin");
    await client.query("select set_config('app.tenant', $1, true)", [tenantId]);
    await client.query(RENEW, [processId]);
    await client.query("commit");
  } catch {
    // The database is away or restarting: the next round connects anew. Leases are not reaped while it was away.
    await client?.end().catch(() => {});
    client = undefined;
  }
  await pause(Math.max(0, RENEW_EVERY_MS - (Date.now() - started)), undefined, stopping).catch(() => {});
}
// It may have been told to stop while it was connecting: an open connection would keep the thread, and whoever waits
// for its end, for good.
await client?.end().catch(() => {});

async function connect(): Promise<pg.Client> {
  const fresh = new pg.Client({ ...connection, connectionTimeoutMillis: 2_000, query_timeout: 2_000 });
  fresh.on("error", () => {});
  await fresh.connect();
  return fresh;
}
