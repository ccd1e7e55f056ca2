import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { append, type Because } from "#ledger/append.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { canonicalJson } from "#system/same-json.ts";

export type Question = {
  kind: string;
  itemId: string | null;
  ticketId?: string | null;
  question: string;
  why: string;
  /** Exactly what is approved: the answer holds for this and nothing else. */
  payload: object;
  expiresAt?: Date;
  onExpiry?: "approve" | "decline";
};

export type Approval = {
  id: string;
  kind: string;
  item_id: string | null;
  ticket_id: string | null;
  question: string;
  why: string;
  payload: object;
  payload_hash: string;
  state: "open" | "approved" | "declined" | "expired" | "withdrawn";
  asked_at: Date;
};

/** The hash that ties an answer to what was asked, whatever the order of its keys. */
export function payloadHash(payload: object): string {
  return createHash("sha256").update(canonicalJson(payload)).digest("hex");
}

/** Asks a person, once: the same open question is not asked twice. */
export async function ask(tx: Tx, because: Because, question: Question): Promise<string> {
  const id = uuidv7();
  const hash = payloadHash({ kind: question.kind, item: question.itemId, payload: question.payload });
  const { rows } = await sql<{ id: string }>`
    insert into approval (id, tenant_id, kind, item_id, ticket_id, question, why, payload, payload_hash, expires_at, on_expiry, asked_at)
    values (${id}, tenant_now(), ${question.kind}, ${question.itemId}, ${question.ticketId ?? null}, ${question.question}, ${question.why},
      ${JSON.stringify(question.payload)}, ${hash}, ${question.expiresAt ?? null}, ${question.onExpiry ?? "decline"}, ${because.at})
    on conflict (tenant_id, payload_hash) where state = 'open' do nothing returning id`.execute(tx);
  if (rows.length === 0) {
    const open = await sql<{
      id: string;
    }>`select id from approval where payload_hash = ${hash} and state = 'open'`.execute(tx);
    return open.rows[0]!.id;
  }
  await append(tx, because, {
    type: "approval.asked",
    subject: id,
    kind: question.kind,
    question: question.question,
    why: question.why,
    payloadHash: hash,
  });
  return id;
}

/** Records a person's answer. Deciding twice is an error that says what was decided. */
export async function decide(
  tx: Tx,
  because: Because,
  { id, decision, from }: { id: string; decision: "approved" | "declined"; from: string },
): Promise<Approval> {
  const { rows } = await sql<Approval>`select * from approval where id = ${id} for update`.execute(tx);
  const approval = rows[0];
  if (!approval)
    throw new Failure("not_found", `There is no question ${id}. \`steward status\` lists what waits for you.`);
  if (approval.state !== "open") throw new Failure("conflict", `That question was ${approval.state} already.`);
  await sql`
    update approval set state = ${decision}, decided_at = ${because.at}, decided_by = ${because.actor}, decided_from = ${from} where id = ${id}`.execute(
    tx,
  );
  await append(tx, because, { type: "approval.decided", subject: id, decision, from });
  await sql`select pg_notify('steward_ready', '')`.execute(tx);
  return approval;
}

export async function openApprovals(tx: Tx): Promise<Approval[]> {
  const { rows } = await sql<Approval>`select * from approval where state = 'open' order by asked_at`.execute(tx);
  return rows;
}

/** Decides by their default what nobody answered in time. */
export async function expireApprovals(tx: Tx, at: Date): Promise<number> {
  const { rows } = await sql<{ id: string; on_expiry: "approve" | "decline" }>`
    update approval set state = case on_expiry when 'approve' then 'approved' else 'expired' end, decided_at = ${at}, decided_by = 'steward', decided_from = 'deadline'
    where state = 'open' and expires_at < ${at} returning id, on_expiry`.execute(tx);
  await append(tx, { actor: "steward", at, rule: "approval.deadline" },
    ...rows.map(({ id, on_expiry }) => ({ type: "approval.decided" as const, subject: id, decision: on_expiry === "approve" ? "approved" : "expired", from: "deadline" }))); // prettier-ignore
  return rows.length;
}
