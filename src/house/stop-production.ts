import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { DeploymentState } from "#db/schema.ts";
import type { ReleasedWith } from "#deploy/deploy-tools.ts";
import { productionItem, productionSettings } from "#deploy/production-settings.ts";
import { recordStopped } from "#deploy/record-stopped.ts";
import { act } from "#effects/act.ts";
import { failpoint } from "#system/failpoint.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { makeDeployTools } from "./deploy-tools.ts";
import type { House } from "./open-house.ts";

type Serving = {
  id: string;
  item_id: string;
  version: string;
  target: string;
  state: DeploymentState;
  host_id: string;
  host: string;
  host_lives: boolean;
  detail: ReleasedWith;
};

/**
 * Ends a service's live release and its front, through door 3; by the target that released it, whatever steward.yaml
 * says now, and whatever is stopped: it only ends something. For good: it stays down until it is deployed again.
 * Otherwise (`down --services`) it comes back with the next `steward up`, and so does a deploy that was broken off.
 */
export async function stopProduction(
  house: House,
  service: string,
  reason: string,
  { forGood }: { forGood: boolean },
): Promise<"stopped" | "was stopped already"> {
  const { database, tenantId, hostId, clock } = house;
  const tools = await makeDeployTools(house, { rules: house.rules, lookAgain: async () => {} });
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<Serving>`
      select d.id, d.item_id, d.version, d.target, d.state, d.detail, d.host_id, h.name as host,
        exists (select 1 from process p where p.host_id = h.id and p.ended_at is null and p.seen_at > now() - interval '10 seconds') as host_lives
      from deployment d join item i on i.id = d.item_id join host h on h.id = d.host_id
      where i.line = 'service' and i.key = ${service} and (d.state in ('live', 'stopped') or (d.state = 'deploying' and not ${forGood}))
      order by d.state = 'live' desc, d.started_at desc limit 1`.execute(tx),
  );
  const live = rows[0];
  const declared = live && tools.servedBy(service, live.target, live.detail);
  if (!live || !declared)
    throw new Failure(
      "not_found",
      `${service} has no release of Steward's that serves. \`steward status\` lists what does.`,
    );
  if (live.state === "stopped") return "was stopped already";
  const elsewhere = live.target === "process" && live.host_id !== hostId;
  if (elsewhere && live.host_lives)
    throw new Failure("conflict", `${service} is in production on another host, ${live.host}: stop it there.`);
  const item = await productionItem(tools, live.item_id);
  const settings = await productionSettings(tools, item, declared);
  const effect = {
    kind: "stop", key: `stop ${live.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
    payload: { service, version: live.version, reason }, allowedBy: { standing: "the owner asked for it" }, actor: "owner",
    evenIfStopped: true,
  }; // prettier-ignore
  await act(tools, effect, {
    kind: "stop",
    resumable: true,
    async perform() {
      // On a host that is gone nothing can be ended, and its owner says that nothing serves there.
      if (!elsewhere) await declared.target.stop(settings, { forGood });
      return { result: { stopped: live.version } };
    },
  });
  failpoint("stop.made");
  await inTenant(database.app, tenantId, (tx) =>
    recordStopped(tx, item, { deployment: live.id, reason, forGood, at: clock.now() }),
  );
  return "stopped";
}
