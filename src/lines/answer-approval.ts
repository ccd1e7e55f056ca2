import type { Tx } from "#db/db.ts";
import type { Because } from "#ledger/append.ts";
import { acceptControl } from "#lines/service/control.ts";
import { decide, type Approval } from "#policy/approvals.ts";

/** Records a person's answer to a question, and takes over what it was about where that is an item's own settings. */
export async function answerApproval(
  tx: Tx,
  because: Because,
  answer: { id: string; decision: "approved" | "declined"; from: string },
): Promise<Approval> {
  const approval = await decide(tx, because, answer);
  if (approval.kind === "control_change" && approval.item_id !== null && answer.decision === "approved") {
    await acceptControl(tx, approval.item_id);
  }
  return approval;
}
