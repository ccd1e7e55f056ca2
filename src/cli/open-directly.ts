import { existsSync } from "node:fs";
import type { Settings } from "#config.ts";
import { inTenant, type Tx } from "#db/db.ts";
import { layoutOf } from "#db/embedded/layout.ts";
import { openHouse, type House } from "#main.ts";
import { Failure } from "#system/failure.ts";
import { silentLog } from "#system/log.ts";

/**
 * Opens the workspace's house without a server, for what must not depend on one. The embedded database is started if it
 * does not run, and ends again afterwards if no runner needs it. Where nothing has ever run, nothing is made.
 */
export async function inHouseDirectly<T>(settings: Settings, work: (house: House) => Promise<T>): Promise<T> {
  if (settings.databaseUrl === null && !existsSync(layoutOf(settings.home).data)) {
    throw new Failure("not_found", `Steward has not run for ${settings.workspace} yet: \`steward up\` starts it.`);
  }
  const house = await openHouse(settings, { kind: "command", log: silentLog });
  try {
    return await work(house);
  } finally {
    await house.close();
  }
}

/** The same, for one transaction of its tenant. */
export function onDatabase<T>(settings: Settings, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inHouseDirectly(settings, ({ database, tenantId }) => inTenant(database.app, tenantId, work));
}
