import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTicket } from "#dispatch/create-ticket.ts";
import type { Served } from "./carry-out-recovery.ts";
import type { DeployTools } from "./deploy-tools.ts";
import type { TargetStatus } from "./targets/target.ts";

/**
 * What serves is released once more, as it is:
 * - Its owner declares another target than the one that serves. It goes on serving until the new one is confirmed, and
 *   is retired then (`retireReplaced`).
 * - Its target has lost all of it, such as with a disk: there is nothing to restart or to go back to.
 *
 * Asked once for each: what does not come through says why in its ticket. Where no target is declared, all stays as it
 * is; and what is to be released next goes to the declared one by itself. True while it was asked for and not yet done.
 */
export async function releaseAgain(
  tools: DeployTools,
  service: Served,
  status: Pick<TargetStatus, "version" | "brokenOff">,
): Promise<boolean> {
  const { item, live } = service;
  const because = whyAgain(service, tools.declared(item.key)?.target.kind, status);
  if (because === null || item.content_hash !== live.content_hash) return false;
  const at = tools.clock.now();
  return inTenant(tools.database.app, tools.tenantId, async (tx) => {
    // The item first, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${item.id} for no key update`.execute(tx);
    const dedupeKey = `${item.id} deploy asked ${because.key}`;
    const { rows } = await sql<{ under: boolean }>`
      select bool_or(dedupe_key = ${dedupeKey} and state not in ('done', 'failed', 'cancelled')) as under from ticket
      where item_id = ${item.id} and (dedupe_key = ${dedupeKey} or state in ('waiting', 'ready', 'claimed')) having count(*) > 0`.execute(
      tx,
    );
    if (rows[0]) return rows[0].under;
    const { created } = await createTicket(tx, { actor: "steward", at, rule: because.rule }, {
      itemId: item.id, line: "service", kind: "deploy", capability: "deployer", round: item.round,
      title: `DEPLOY: ${item.key}`, dedupeKey, body: { service: item.key, spec: null, reasons: [because.why], contentHash: item.content_hash },
    }); // prettier-ignore
    return created;
  });
}

function whyAgain(
  { live, target }: Served,
  declared: string | undefined,
  { version, brokenOff }: Pick<TargetStatus, "version" | "brokenOff">,
): { key: string; rule: string; why: string } | null {
  if (declared === undefined || live.target === "agent") return null;
  if (declared !== live.target)
    return {
      key: `by a change of target from ${live.id} to ${declared}`,
      rule: "deploy.target_changed",
      why: `its deploy target is ${declared} now, and ${live.version} serves by ${live.target}`,
    };
  if (!target.opensPort || version !== null || brokenOff !== null) return null;
  return {
    key: `for the lost ${live.id}`,
    rule: "deploy.release_lost",
    why: `nothing of release ${live.version} is on this machine any more`,
  };
}
