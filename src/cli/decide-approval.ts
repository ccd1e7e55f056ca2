import { Failure } from "#system/failure.ts";
import type { Common } from "./command.ts";
import { connect } from "./connect.ts";
import { answer } from "./talk.ts";

const WHOLE_ID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

export async function decideApproval(how: "approve" | "decline", given: string, options: Common): Promise<void> {
  const { client } = await connect(options);
  const id = WHOLE_ID.test(given) ? given : await wholeId();
  const decided = await client.approvals[how]({ id });
  answer(options.json, decided, `${how === "approve" ? "Approved" : "Declined"}: ${decided.question}`);

  async function wholeId(): Promise<string> {
    const { approvals } = await client.approvals.list();
    const meant = approvals.filter((approval) => approval.id.startsWith(given));
    if (meant.length === 1) return meant[0]!.id;
    throw new Failure(
      "not_found",
      `${meant.length === 0 ? "No open question begins" : `${meant.length} open questions begin`} with ${given}. \`steward status\` lists them.`,
    );
  }
}
