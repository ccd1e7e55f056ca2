import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTicket } from "#dispatch/create-ticket.ts";
import type { Served } from "./carry-out-recovery.ts";
import type { DeployTools } from "./deploy-tools.ts";

/**
 * Its owner declares another target than the one that serves: what serves is released there, too. It goes on serving
 * until the new one is confirmed, and is retired then (`retireReplaced`). Asked once for each such change: what does not
 * come through says why in its ticket. Where nothing is declared any more, all stays as it is; and what is to be
 * released next goes there by itself. True if it was asked now.
 */
export async function moveToDeclared(tools: DeployTools, { item, live }: Served): Promise<boolean> {
  const declared = tools.declared(item.key)?.target.kind;
  if (declared === undefined || declared === live.target || live.target === "agent") return false;
  if (item.content_hash !== live.content_hash) return false;
  const at = tools.clock.now();
  return inTenant(tools.database.app, tools.tenantId, async (tx) => {
    // The item first, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    const dedupeKey = `${item.id} deploy asked by a change of target from ${live.id} to ${declared}`;
    const { rows } = await sql`
      select 1 from ticket where item_id = ${item.id} and (dedupe_key = ${dedupeKey} or state in ('waiting', 'ready', 'claimed'))`.execute(
      tx,
    );
    if (rows.length > 0) return false;
    const why = `its deploy target is ${declared} now, and ${live.version} serves by ${live.target}`;
    const { created } = await createTicket(tx, { actor: "steward", at, rule: "deploy.target_changed" }, {
      itemId: item.id, line: "service", kind: "deploy", capability: "deployer", round: item.round,
      title: `DEPLOY: ${item.key}`, dedupeKey, body: { service: item.key, spec: null, reasons: [why], contentHash: item.content_hash },
    }); // prettier-ignore
    return created;
  });
}
