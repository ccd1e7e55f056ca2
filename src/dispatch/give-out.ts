import type { Candidate, Claimable, Rank } from "#dispatch/claim.ts";
import type { Look } from "#dispatch/look.ts";
import { budgetsOver, type HeldBudget, hold, type Hold, tooSmall, withinSeconds } from "#policy/budgets.ts";
import { uuidv7 } from "#system/ids.ts";

/** A ticket, and the agent that gets it. */
export type Given = {
  ticket: Claimable;
  runId: string;
  agent: Candidate;
  maxSeconds: number | null;
  why: string;
  held: Hold;
};

/**
 * In the tickets' order: the best agent that has a free place, has not refused it, and whose budgets can hold it. What
 * is given is taken out of the budgets, in memory, so that the next ticket finds them as they will be.
 */
export function giveOut({ tickets, candidates, budgets }: Look, rank: Rank): Given[] {
  const free = new Map(candidates.map((one) => [one.agentId, one.free]));
  const given: Given[] = [];
  for (const ticket of tickets) {
    const able = candidates.filter(({ agentId }) => free.get(agentId)! > 0 && !ticket.refused_by.includes(agentId));
    for (const { agentId, why } of rank(ticket, able)) {
      const agent = able.find((one) => one.agentId === agentId)!;
      const runId = uuidv7();
      const reserved = reserve(budgets, ticket, agent, runId);
      if (!reserved) continue;
      free.set(agentId, free.get(agentId)! - 1);
      given.push({ ticket, runId, agent, why, ...reserved });
      break;
    }
  }
  return given;
}

function reserve(
  budgets: HeldBudget[],
  ticket: Claimable,
  agent: Candidate,
  runId: string,
): { held: Hold; maxSeconds: number | null } | undefined {
  const over = budgetsOver(budgets, {
    line: ticket.line,
    itemId: ticket.item_id,
    client: ticket.client,
    agentId: agent.agentId,
  });
  const cost = withinSeconds(over, { runs: 1, nano_usd: ticket.estimate_nano, ...agent.cost?.(ticket) });
  if (!cost || tooSmall(over, cost)) return undefined;
  return {
    held: hold(over, runId, cost),
    maxSeconds: over.some(({ unit }) => unit === "seconds") ? (cost.seconds ?? null) : null,
  };
}
