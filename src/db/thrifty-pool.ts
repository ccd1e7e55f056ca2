import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import type { Writable } from "node:stream";
import type pg from "pg";
import { COMMIT_UNKNOWN, CommitUnknown, isConnectionLost } from "./db.ts";
import { marks } from "./together.ts";

/**
 * A pool that saves round trips and plans, unseen by whoever asks. Its connections must be in pg's pipeline mode, in
 * which a statement does not wait for the answer of the one before it.
 *
 * - `begin` waits for the first statement, and what every transaction of a tenant begins with (it names the tenant,
 *   db.ts) for the second: all three go out in one packet.
 * - A statement marked as the last one (together.ts) takes the commit with it.
 * - A statement that begins with a comment, as `/*claim.look*\/ select …`, is prepared under that name once for each
 *   connection; from then on it is neither parsed nor, after five times, planned. A name has one text.
 *
 * Measured on the claim: 17 round trips for a batch claimed and reported became 3, and the planning, which took
 * longer than the execution, went away.
 */
export function thriftyPool(pool: pg.Pool, { mayPrepare }: { mayPrepare: () => boolean }): PostgresPool {
  const thrifty = new WeakMap<pg.PoolClient, PostgresPoolClient>();
  return {
    options: pool.options,
    async connect() {
      const client = await pool.connect();
      const known = thrifty.get(client) ?? thriftyClient(client, mayPrepare);
      thrifty.set(client, known);
      return known;
    },
    end: () => pool.end(),
  };
}

function thriftyClient(client: pg.PoolClient, mayPrepare: () => boolean): PostgresPoolClient {
  let transaction: "none" | "begins" | "open" | "over" = "none";
  let first: string | undefined;

  async function query(text: string, values: readonly unknown[]): Promise<unknown> {
    switch (transaction) {
      case "none":
        if (text !== "begin") return send(text, values);
        transaction = "begins";
        return done(text);
      case "begins":
        if (isEnd(text)) return end(text);
        if (text.startsWith(marks.withNext)) {
          first = text;
          return done("select");
        }
        transaction = "open";
        return begin(text, values);
      case "open":
        if (isEnd(text)) transaction = "none";
        if (!text.includes(marks.withCommit)) return send(text, values);
        return together(() => last([send(unmarked(text), values)]));
      case "over":
        // The server has ended it already, by the commit that it had with the last statement.
        if (isEnd(text)) return end(text);
        throw new Error(`The transaction was over with the statement before this one: ${text.slice(0, 200)}`);
    }
  }

  function end(text: string) {
    transaction = "none";
    first = undefined;
    return done(text);
  }

  async function begin(text: string, values: readonly unknown[]): Promise<unknown> {
    const isLast = text.includes(marks.withCommit);
    const opening = first === undefined ? "begin" : `begin; ${first}`;
    if (first === undefined && values.length === 0 && !isLast) return send(`begin; ${text}`, values);
    first = undefined;
    return together(() => {
      // Should the opening fail, the server refuses what follows, and its error is the one to know.
      const sent = [send(opening, []), send(isLast ? unmarked(text) : text, values)];
      return isLast ? last(sent) : firstError(sent);
    });
  }

  /** The last of these statements, and the commit. Whether that happened is unknown if the connection breaks meanwhile. */
  async function last(sent: Promise<unknown>[]): Promise<unknown> {
    transaction = "over";
    try {
      const committed = client.query("commit");
      return await firstError([
        ...sent.slice(0, -1),
        Promise.all([sent.at(-1)!, committed]).then(([result]) => result),
      ]);
    } catch (error) {
      if (isConnectionLost(error)) throw new CommitUnknown(COMMIT_UNKNOWN, { cause: error });
      throw error;
    }
  }

  /** What is sent in `work` leaves in one packet. */
  function together<T>(work: () => T): T {
    const { stream } = (client as unknown as { connection: { stream: Writable } }).connection;
    stream.cork();
    try {
      return work();
    } finally {
      stream.uncork();
    }
  }

  async function send(text: string, values: readonly unknown[]): Promise<unknown> {
    const name = mayPrepare() ? nameOf(text) : undefined;
    const result: unknown = await client.query({ text, values: [...values], ...(name === undefined ? {} : { name }) });
    // Several statements in one message have as many results.
    return Array.isArray(result) ? result.at(-1) : result;
  }

  return {
    get processID(): number {
      return (client as unknown as { processID: number }).processID;
    },
    query: query as <R>(text: string, values: readonly unknown[]) => Promise<PostgresQueryResult<R>>,
    release(destroy) {
      end("release");
      client.release(destroy ?? false);
    },
  } as PostgresPoolClient;
}

/** A name has one text, with the commit or without. */
const unmarked = (text: string): string => text.replace(marks.withCommit, "");

const isEnd = (text: string): boolean => text === "commit" || text === "rollback";

const done = (command: string) => ({ command: command.toUpperCase(), rowCount: 0, rows: [] });

/** The last one's result when all are done, or the error of the first that failed, whatever became of those behind it. */
async function firstError(sent: Promise<unknown>[]): Promise<unknown> {
  const settled = await Promise.allSettled(sent);
  const failed = settled.find(({ status }) => status === "rejected");
  if (failed?.status === "rejected") throw failed.reason;
  return sent.at(-1);
}

function nameOf(text: string): string | undefined {
  return /^\s*\/\*([\w.]{1,60})\*\//.exec(text)?.[1];
}

/**
 * True if each of our connections is one session of the server. Behind a pooler that gives every transaction another
 * session, what was prepared in one is missing in the next; such a pooler hands out process ids of its own.
 */
export async function isOwnSession(client: pg.PoolClient): Promise<boolean> {
  const { rows } = await client.query<{ pid: number }>("select pg_backend_pid() as pid");
  return rows[0]?.pid === (client as unknown as { processID?: number }).processID;
}
