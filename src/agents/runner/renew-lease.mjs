// Keeps a run's lease in the database, apart from its output: one renewal at a time, each bounded in time.
// Loaded once the agent runs, as `pg` takes longer to load than the rest of the runner to start.

import { readFileSync } from "node:fs";
import pg from "pg";

/** A renewal that takes longer than this is given up, and the connection with it. */
const RENEWAL_MS = 4_000;

/** External: everything must be over this long before another host may claim. The sweep and clock drift are in it. */
const MARGIN_MS = 2_000;

/** The pace of attempts while the database is away; half a renewal's pace where that is faster. */
const RETRY_MS = 500;

/**
 * Renews until stopped; calls `onEnd` once with the outcome if the lease is lost, stopped or cannot be kept.
 * Returns what stops it.
 */
export function renewLease(lease, { tenantId, ticketId, fence, runId }, { startedAt, graceMs, onEnd, note }) {
  const allowedMs = lease.kind === "embedded" ? lease.databaseWaitMs : beforeOthersClaim(lease, graceMs);
  const renewed = sinceLast(Date.parse(lease.grantedAt ?? "") || startedAt.getTime());
  let client = null;
  let stopped = false;
  let lastError = null;
  let nextTimer;
  const deadline = setInterval(checkDeadline, Math.min(250, lease.everyMs));
  void renewAndAgain();

  return stop;

  function stop() {
    stopped = true;
    clearInterval(deadline);
    clearTimeout(nextTimer);
    disconnect();
  }

  function endWith(name, detail) {
    if (stopped) return;
    stop();
    onEnd(name, detail);
  }

  async function renewAndAgain() {
    const began = performance.now();
    // Counted from before the question: the database extends the lease at some time after it.
    const asked = renewed.now();
    let waitMs = lease.everyMs;
    try {
      const state = await withinTime(renewOnce());
      if (stopped) return;
      if (state === "lost") return endWith("lease_lost", "The ticket was given to another, or taken back.");
      if (state === "stop") return endWith("stopped", "A switch or a cancel stopped it.");
      if (lastError !== null) note("The database is back.\n");
      lastError = null;
      renewed.set(asked);
    } catch (error) {
      if (stopped) return;
      if (lastError === null) note(`The lease could not be renewed: ${error.message}\n`);
      lastError = error;
      disconnect();
      waitMs = Math.min(RETRY_MS, lease.everyMs / 2);
    }
    nextTimer = setTimeout(() => void renewAndAgain(), Math.max(0, waitMs - (performance.now() - began)));
  }

  async function renewOnce() {
    // Kept before it is connected, so that an attempt which is given up takes its connection with it.
    const fresh = client === null;
    const own = (client ??= newClient(lease));
    if (fresh) await own.connect();
    await own.query("begin");
    // The limit is for the server: it must not go on with a renewal that was given up.
    await own.query("select set_config('app.tenant', $1, true), set_config('statement_timeout', $2, true)", [
      tenantId,
      String(RENEWAL_MS),
    ]);
    const { rows } = await own.query(lease.renewSql, [ticketId, fence, runId]);
    await own.query("commit");
    const state = rows[0]?.state ?? "lost";
    if (!["ok", "stop", "lost"].includes(state)) throw new Error(`The renewal answered ${JSON.stringify(state)}`);
    return state;
  }

  /** Independent of the renewals, which may hang. */
  function checkDeadline() {
    if (renewed.agoMs() < allowedMs) return;
    const why = lastError === null ? "it did not answer" : lastError.message;
    endWith("lease_lost", `The database could not be reached for ${allowedMs / 1000} s (${why}).`);
  }

  function disconnect() {
    const old = client;
    client = null;
    if (old === null) return;
    // Not end(): that waits for a server which may not answer.
    old.connection.stream.destroy();
  }
}

/** The agent has its grace, and a margin remains, before the host's lease runs out. At worst it is ended at a third. */
function beforeOthersClaim({ hostLeaseMs }, graceMs) {
  return Math.max(hostLeaseMs - graceMs - Math.min(MARGIN_MS, hostLeaseMs / 4), hostLeaseMs / 3);
}

/** Time since the last renewal by the slower and the faster clock: the steady one stands still while a machine sleeps. */
function sinceLast(startedAtMs) {
  const now = () => ({ wall: Date.now(), steady: performance.now() });
  let last = { wall: startedAtMs, steady: performance.now() };
  return {
    now,
    set: (time) => (last = time),
    agoMs: () => Math.max(Date.now() - last.wall, performance.now() - last.steady),
  };
}

function newClient({ url, connectionFile }) {
  const settings = connectionFile === undefined ? { connectionString: url } : readConnection(connectionFile);
  const client = new pg.Client({
    ...settings,
    application_name: "steward runner",
    connectionTimeoutMillis: RENEWAL_MS,
    keepAlive: true,
  });
  // A connection that breaks between two renewals is noticed by the next.
  client.on("error", () => {});
  return client;
}

/** Written by whoever runs the database: `{"url": …}`, or a pg client's own settings. */
function readConnection(path) {
  const { url, ...settings } = JSON.parse(readFileSync(path, "utf8"));
  return url === undefined ? settings : { connectionString: url };
}

function withinTime(promise) {
  const { promise: late, reject } = Promise.withResolvers();
  const timer = setTimeout(() => reject(new Error(`no answer within ${RENEWAL_MS / 1000} s`)), RENEWAL_MS);
  return Promise.race([promise, late]).finally(() => clearTimeout(timer));
}
