import { listAgents, type AgentRow } from "#agents/registry.ts";
import type { Tx } from "#db/db.ts";
import { inHouse, os } from "./base.ts";

export const agents = {
  list: os.agents.list.handler(({ context }) =>
    inHouse(context, async (tx) => ({ agents: await agentsWithTimes(tx) })),
  ),
};

/** What comes out of jsonb has its times as text. */
export async function agentsWithTimes(tx: Tx): Promise<AgentRow[]> {
  const rows = await listAgents(tx);
  return rows.map((row) => ({ ...row, work: row.work.map((work) => ({ ...work, since: new Date(work.since) })) }));
}
