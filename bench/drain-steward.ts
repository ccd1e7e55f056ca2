import { join } from "node:path";
import pg from "pg";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { openDatabase } from "#db/open.ts";
import { claim } from "#dispatch/claim.ts";
import { lanesWithWork } from "#dispatch/lanes-with-work.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import { makeHouse } from "#dispatch/testing.ts";
import { seal } from "#ledger/seal.ts";
import { startSealer } from "#ledger/sealer.ts";
import { setSwitch } from "#policy/switches.ts";
import { silentLog } from "#system/log.ts";
import { uuidv7 } from "#system/ids.ts";
import { BATCH, CONNECTIONS, type Drain, expectAll, onEveryConnection } from "./drain.ts";

const CAPABILITY = "builder";

/**
 * Steward's door 1 as its claim loop goes through it: look for lanes with work, claim up to ten of one lane, report
 * them. Every claim asks for the capability, switches, quiet hours, blockers, approvals, the agent's places and two
 * budgets; every change writes its ledger event, and the sealer seals them meanwhile on a connection of its own.
 */
export async function stewardDrain(
  adminUrl: string,
  { tenants, folder }: { tenants: number; folder: string },
): Promise<Drain> {
  const database = await openDatabase({
    adminUrl,
    log: silentLog,
    connections: { app: CONNECTIONS, engine: 2 },
  });
  const houses = await Promise.all(Array.from({ length: tenants }, () => makeHouse(database, { name: "bench" })));
  for (const house of houses) await setRules(house);
  const byTenant = new Map(houses.map((house) => [house.tenantId, house]));
  const admin = new pg.Client({ connectionString: adminUrl });
  await admin.connect();
  const name = `Steward, ${tenants === 1 ? "one tenant" : `${tenants} tenants`}`;

  async function drainOneLane(claimer: number): Promise<number> {
    let count = 0;
    const lanes = (await lanesWithWork(database.engine, [CAPABILITY])).filter(({ tenantId }) => byTenant.has(tenantId));
    // The two claimers begin at different tenants, as two processes' would.
    const offset = Math.floor((lanes.length * claimer) / CONNECTIONS);
    for (const { tenantId } of [...lanes.slice(offset), ...lanes.slice(0, offset)]) {
      const house = byTenant.get(tenantId)!;
      const claimed = await claim(database.app, {
        tenantId,
        capability: CAPABILITY,
        candidates: [{ agentId: house.agentId, name: "bench", leaseKind: "process", free: BATCH }],
        hostId: house.hostId,
        processId: house.processId,
        now: new Date(),
        rank: (_ticket, candidates) => candidates.map(({ agentId }) => ({ agentId, why: "the only one" })),
      });
      if (claimed.length === 0) continue;
      const reports = claimed.map(({ id, runId, fence }) => ({
        ticketId: id,
        runId,
        fence,
        agent: "bench",
        outcome: "done" as const,
      }));
      await endRuns(database.app, tenantId, new Date(), reports);
      count += claimed.length;
    }
    return count;
  }

  return {
    name,
    how: `claim up to ${BATCH} of one lane, report them; capability, switches, quiet hours, 2 budgets, leases, fences and ledger, sealed meanwhile`,
    async fill(jobs) {
      const each = jobs / tenants;
      if (!Number.isInteger(each)) throw new Error(`${jobs} jobs cannot be shared between ${tenants} tenants`);
      for (const { tenantId, itemId } of houses) {
        await admin.query(
          `insert into ticket (id, tenant_id, item_id, line, kind, capability, state, dedupe_key, title, body, estimate_nano)
           select uuidv7(), $1, $2, 'service', 'build', $3, 'ready', gen_random_uuid()::text, 'Build it', '{"index": 1}', 1000
           from generate_series(1, $4)`,
          [tenantId, itemId, CAPABILITY, each],
        );
      }
    },
    async drain(jobs) {
      const sealer = startSealer(database.engine, { headsFile: join(folder, "heads.jsonl"), log: silentLog });
      const done = await onEveryConnection(drainOneLane);
      expectAll(name, done, jobs);
      await sealer.stop();
    },
    async settle() {
      while ((await seal(database.engine)).sealed > 0);
    },
    async close() {
      await admin.end();
      await database.close();
    },
  };
}

/** Budgets that are asked and never run out, quiet hours that are not now, and a switch on another client. */
async function setRules({ database, tenantId }: Awaited<ReturnType<typeof makeHouse>>): Promise<void> {
  await inTenant(database.app, tenantId, async (tx) => {
    for (const [scope, scopeId, unit] of [
      ["everything", "", "nano_usd"],
      ["line", "service", "runs"],
    ]) {
      await sql`insert into budget (id, tenant_id, scope, scope_id, unit, period, limit_amount)
        values (${uuidv7()}, tenant_now(), ${scope}, ${scopeId}, ${unit}, 'month', ${Number.MAX_SAFE_INTEGER})`.execute(
        tx,
      );
    }
    await setSwitch(tx, "bench", new Date(), { scope: "client", scopeId: "somebody-else" }, "not these");
  });
}
