import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { answerApproval } from "#lines/answer-approval.ts";
import { openApprovals } from "#policy/approvals.ts";
import type { RequestContext } from "#http/context.ts";
import { because, inHouse, os } from "./base.ts";

export const approvals = {
  list: os.approvals.list.handler(({ context }) =>
    inHouse(context, async (tx) => ({ approvals: await approvalsToShow(tx) })),
  ),
  approve: os.approvals.approve.handler(({ context, input: { id } }) => answer(context, id, "approved")),
  decline: os.approvals.decline.handler(({ context, input: { id } }) => answer(context, id, "declined")),
};

async function answer(context: RequestContext, id: string, decision: "approved" | "declined") {
  const from = context.caller.kind === "owner" ? context.caller.from : "run";
  const { question, service } = await inHouse(context, async (tx) => {
    const approval = await answerApproval(tx, because(context), { id, decision, from });
    return { question: approval.question, service: await nameOf(tx, approval.item_id) };
  });
  if (service !== null) await context.house.commands.look(service);
  return { id, decision, question };
}

/** Open questions with the name of what they are about. */
export async function approvalsToShow(tx: Tx) {
  const open = await openApprovals(tx);
  return Promise.all(
    open.map(async ({ id, kind, item_id, question, why, payload, state, asked_at }) => ({
      id, kind, service: await nameOf(tx, item_id), question, why, payload: { ...payload }, state, askedAt: asked_at,
    })), // prettier-ignore
  );
}

async function nameOf(tx: Tx, itemId: string | null): Promise<string | null> {
  if (itemId === null) return null;
  const { rows } = await sql<{ key: string }>`select key from item where id = ${itemId}`.execute(tx);
  return rows[0]?.key ?? null;
}
