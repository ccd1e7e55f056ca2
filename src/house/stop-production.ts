import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { productionItem, productionSettings } from "#deploy/production-settings.ts";
import { act } from "#effects/act.ts";
import { append } from "#ledger/append.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { makeDeployTools } from "./deploy-tools.ts";
import type { House } from "./open-house.ts";

/**
 * Ends a service's live release and its front, through door 3. For good: it stays down until it is deployed again.
 * Otherwise (`down --services`) it comes back with the next `steward up`.
 */
export async function stopProduction(
  house: House,
  service: string,
  reason: string,
  { forGood }: { forGood: boolean },
): Promise<void> {
  const { database, tenantId, clock } = house;
  const tools = await makeDeployTools(house, { rules: house.rules, lookAgain: async () => {} });
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ id: string; item_id: string; version: string }>`
      select d.id, d.item_id, d.version from deployment d join item i on i.id = d.item_id where i.line = 'service' and i.key = ${service} and d.state = 'live'`.execute(
      tx,
    ),
  );
  const live = rows[0];
  const declared = tools.declared(service);
  if (!live || !declared)
    throw new Failure(
      "not_found",
      `${service} has no release of Steward's that serves. \`steward status\` lists what does.`,
    );
  const item = await productionItem(tools, live.item_id);
  const settings = await productionSettings(tools, item, declared);
  const effect = {
    kind: "stop", key: `stop ${live.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
    payload: { service, version: live.version, reason }, allowedBy: { standing: "the owner asked for it" }, actor: "owner",
  }; // prettier-ignore
  await act(tools, effect, {
    kind: "stop",
    resumable: true,
    perform: async () => ({ result: { stopped: (await declared.target.stop(settings), live.version) } }),
  });
  await inTenant(database.app, tenantId, async (tx) => {
    const at = clock.now();
    if (forGood) await sql`update deployment set state = 'stopped', ended_at = ${at} where id = ${live.id}`.execute(tx);
    await sql`update item set health = 'stopped', health_reason = ${reason}, health_at = ${at} where id = ${item.id}`.execute(
      tx,
    );
    await append(tx, { actor: "owner", at }, { type: "service.stopped", subject: item.id, key: service, reason });
  });
}
