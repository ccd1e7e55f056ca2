import { createServer } from "node:net";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { Control } from "#lines/service/control.ts";
import { Failure } from "#system/failure.ts";
import type { Declared, DeployTools } from "./deploy-tools.ts";
import { openSecret } from "./secrets.ts";
import type { ServiceSettings } from "./targets/target.ts";

export type ProductionItem = {
  id: string;
  key: string;
  folder: string;
  client: string | null;
  round: number;
  content_hash: string | null;
  port: number | null;
  control: Control;
  release_hash: string | null;
};

/** Where services without a port of their own are put. */
const FIRST_PORT = 8_101;
const LAST_PORT = 8_899;

export async function productionItem(
  { database, tenantId }: Pick<DeployTools, "database" | "tenantId">,
  itemId: string,
): Promise<ProductionItem> {
  const item = await inTenant(database.app, tenantId, (tx) =>
    tx
      .selectFrom("item")
      .select(["id", "key", "folder", "client", "round", "content_hash", "port", "control", "release_hash"])
      .where("id", "=", itemId)
      .executeTakeFirst(),
  );
  if (!item?.folder || !item.control)
    throw new Failure("not_found", `${item?.key ?? itemId} has no folder any more: nothing can be deployed.`);
  return item as ProductionItem;
}

/** How a service runs in production: the owner's version of its settings, its environment and its opened secrets. */
export async function productionSettings(
  tools: DeployTools,
  item: ProductionItem,
  declared: Declared,
): Promise<ServiceSettings> {
  const { start, healthPath } = item.control.settings;
  return {
    service: item.key,
    publicPort: await publicPortOf(tools, item, declared),
    ...(healthPath !== undefined && { healthPath }),
    ...(start !== undefined && { start }),
    env: declared.env,
    ...(declared.keep !== undefined && { keep: declared.keep }),
    secrets: await openSecrets(tools, item.key),
    ...(declared.commands && { commands: declared.commands }),
    ...(declared.passEnvironment && { passEnvironment: declared.passEnvironment }),
  };
}

/**
 * What somebody said: the spec, steward.yaml, the registry, the owner. Only a target that opens one itself is given one
 * that nobody said, and keeps it; the registry is told of it, and says no more by that.
 */
async function publicPortOf(tools: DeployTools, item: ProductionItem, { target }: Declared): Promise<number | null> {
  const said = item.control.settings.port ?? null;
  if (target.opensPort) return said ?? item.port ?? givePort(tools, item.id);
  return said !== null && (await wasGiven(tools, item.id, said)) ? null : said;
}

async function wasGiven({ database, tenantId }: DeployTools, itemId: string, port: number): Promise<boolean> {
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql`select 1 from deployment where item_id = ${itemId} and port = ${port} and detail @> '{"portGiven": true}' limit 1`.execute(
      tx,
    ),
  );
  return rows.length > 0;
}

async function openSecrets(
  { database, tenantId, secretKey }: DeployTools,
  service: string,
): Promise<Record<string, string>> {
  const rows = await inTenant(database.app, tenantId, (tx) =>
    tx.selectFrom("secret").select(["name", "sealed"]).where("service", "=", service).execute(),
  );
  return Object.fromEntries(
    rows.map(({ name, sealed }) => [name, openSecret(secretKey, sealed, { tenant: tenantId, service, name })]),
  );
}

/** The first port that no other service has and nobody listens on; kept with the item from then on. */
async function givePort({ database, tenantId }: DeployTools, itemId: string): Promise<number> {
  for (let port = FIRST_PORT; port <= LAST_PORT; port++) {
    if (!(await isFree(port))) continue;
    const given = await inTenant(database.app, tenantId, async (tx) => {
      await sql`select pg_advisory_xact_lock(hashtext('port'), hashtext(${tenantId}))`.execute(tx);
      const { rows } = await sql`select 1 from item where port = ${port} and id <> ${itemId}`.execute(tx);
      if (rows.length > 0) return false;
      await sql`update item set port = ${port} where id = ${itemId}`.execute(tx);
      return true;
    });
    if (given) return port;
  }
  throw new Failure(
    "unavailable",
    `No port from ${FIRST_PORT} to ${LAST_PORT} is free: give the service one, \`port:\` in its spec's front matter.`,
  );
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(false));
    server.listen(port, "127.0.0.1", () => server.close(() => resolve(true)));
  });
}
