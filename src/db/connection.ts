import pg from "pg";

/** How to reach a database, apart from who asks. */
export type Address = Pick<pg.ClientConfig, "host" | "port" | "database" | "ssl" | "options">;

export type Credentials = { user: string; password: string };

/** Reads a connection URL with the rules of `pg` (sockets, sslmode, options), without connecting. */
export function parseUrl(url: string): { address: Address; credentials: Credentials } {
  const client = new pg.Client({ connectionString: url });
  // pg keeps `options` (Neon names the endpoint there) to itself.
  const { options } = (client as unknown as { connectionParameters: { options?: string } }).connectionParameters;
  const address: Address = {
    host: client.host,
    port: client.port,
    ssl: client.ssl,
    ...(client.database === undefined ? {} : { database: client.database }),
    ...(options ? { options } : {}),
  };
  return { address, credentials: { user: client.user ?? "", password: String(client.password ?? "") } };
}

/**
 * How values come back, the same everywhere:
 * int8 is a number, and one beyond 2^53 is an error rather than a wrong number; numeric stays text, and so does date
 * (a day has no time zone); timestamptz is a Date; json and jsonb are parsed; uuid is text.
 */
export const valueTypes: pg.CustomTypesConfig = {
  getTypeParser: (oid: number, format?: "text" | "binary") => {
    if (oid === int8) return safeInteger;
    if (oid === int8Array) return (text: string) => (textArray(text) as string[]).map(safeInteger);
    if (oid === pg.types.builtins.DATE) return (text: string) => text;
    return pg.types.getTypeParser(oid, format ?? "text") as (text: string) => unknown;
  },
} as pg.CustomTypesConfig;

const int8 = 20;
const int8Array = 1016;
const textArrayOid: number = 1009;
const textArray = pg.types.getTypeParser(textArrayOid, "text") as (text: string) => unknown;

function safeInteger(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number)) throw new RangeError(`The number ${text} from the database is too large`);
  return number;
}
