import type { PostgresPool, PostgresPoolClient, PostgresQueryResult } from "kysely";
import type pg from "pg";

/**
 * A pool that saves round trips and plans, unseen by whoever asks:
 *
 * - `begin` waits for the first statement. If that has no parameters, both go out as one message: every transaction of
 *   a tenant begins with one that names the tenant (db.ts).
 * - A statement that begins with a comment, as `/*claim.look*\/ select …`, is prepared under that name once for each
 *   connection; from then on it is neither parsed nor, after five times, planned. A name has one text.
 *
 * Measured on the claim: 17 round trips for a batch claimed and reported became 8, and the planning, which took
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
  let begins = false;

  async function query(text: string, values: readonly unknown[]): Promise<unknown> {
    if (text === "begin") {
      begins = true;
      return { command: "BEGIN", rowCount: 0, rows: [] };
    }
    if (!begins) return send(text, values);
    begins = false;
    if (text === "commit" || text === "rollback") return { command: text.toUpperCase(), rowCount: 0, rows: [] };
    if (values.length === 0) return send(`begin; ${text}`, values);
    await client.query("begin");
    return send(text, values);
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
      begins = false;
      client.release(destroy ?? false);
    },
  } as PostgresPoolClient;
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
