import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { Kysely, PostgresDialect } from "kysely";
import pg from "pg";
import { valueTypes } from "#db/connection.ts";
import { inTenant, isConnectionLost, type Db, type Tx } from "#db/db.ts";
import type { Schema } from "#db/schema.ts";

/**
 * Reads a house's database from outside, as the program's own role in its tenant, without being a part of the house: it
 * neither starts nor keeps its database.
 */
export function openReader({ home, workspace }: { home: string; workspace: string }) {
  let open: { db: Db; tenantId: string } | null = null;

  async function connect(): Promise<{ db: Db; tenantId: string }> {
    const settings = JSON.parse(await readFile(join(home, "lease-connection.json"), "utf8")) as pg.PoolConfig;
    const { id } = JSON.parse(await readFile(join(workspace, ".steward", "workspace.json"), "utf8")) as { id: string };
    const pool = new pg.Pool({ ...settings, max: 2, types: valueTypes, application_name: "fault test" });
    pool.on("error", () => {});
    pool.on("connect", (client) => client.on("error", () => {}));
    return { db: new Kysely<Schema>({ dialect: new PostgresDialect({ pool }) }), tenantId: id };
  }

  async function close(): Promise<void> {
    const old = open;
    open = null;
    await old?.db.destroy();
  }

  return {
    async read<T>(work: (tx: Tx) => Promise<T>): Promise<T> {
      open ??= await connect();
      try {
        return await inTenant(open.db, open.tenantId, work);
      } catch (error) {
        if (isConnectionLost(error)) await close();
        throw error;
      }
    },
    close,
  };
}
