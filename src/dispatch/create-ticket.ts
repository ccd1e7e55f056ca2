import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { appended, type Because } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { uuidv7 } from "#system/ids.ts";

export type NewTicket = {
  itemId: string;
  line: string;
  kind: string;
  capability: string;
  title: string;
  /** What the work is for, such as "round 2, this content". Only one live ticket has it. */
  dedupeKey: string;
  body?: object;
  round?: number;
  priority?: number;
  maxAttempts?: number;
  readyAt?: Date;
  deadlineAt?: Date | null;
  estimateNano?: number;
  approvalId?: string | null;
  blockedBy?: string[];
};

/** Asks for a stage's work, once: if a live ticket with that key is there, nothing changes and its id comes back. */
export async function createTicket(
  tx: Tx,
  because: Because,
  ticket: NewTicket,
): Promise<{ id: string; created: boolean }> {
  const id = uuidv7();
  const created: Event = {
    type: "ticket.created",
    subject: id,
    item: ticket.itemId,
    kind: ticket.kind,
    capability: ticket.capability,
    title: ticket.title,
    round: ticket.round ?? 1,
  };
  // The ring goes out when this commits.
  const { rows } = await sql<{ id: string }>`/*ticket.create*/
    with inserted as (
      insert into ticket (id, tenant_id, item_id, line, kind, capability, state, priority, ready_at, deadline_at,
        max_attempts, round, dedupe_key, title, body, estimate_nano, approval_id, created_at, updated_at)
      values (${id}, tenant_now(), ${ticket.itemId}, ${ticket.line}, ${ticket.kind}, ${ticket.capability}, 'ready',
        ${ticket.priority ?? 50}, coalesce(${ticket.readyAt ?? null}::timestamptz, now()), ${ticket.deadlineAt ?? null}, ${ticket.maxAttempts ?? 4},
        ${ticket.round ?? 1}, ${ticket.dedupeKey}, ${ticket.title}, ${JSON.stringify(ticket.body ?? {})},
        ${ticket.estimateNano ?? 0}, ${ticket.approvalId ?? null}, ${because.at}, ${because.at})
      on conflict (tenant_id, dedupe_key) where state in ('waiting', 'ready', 'claimed') do nothing
      returning id
    ), ${appended(because, [created], { where: sql<boolean>`exists (select 1 from inserted)` })}
    select id, pg_notify('steward_ready', '') from inserted`.execute(tx);
  if (rows.length === 0) {
    const live = await sql<{ id: string }>`
      select id from ticket where dedupe_key = ${ticket.dedupeKey} and state in ('waiting', 'ready', 'claimed')`.execute(
      tx,
    );
    return { id: live.rows[0]?.id ?? id, created: false };
  }
  for (const blocker of ticket.blockedBy ?? []) {
    await sql`insert into blocker (ticket_id, blocked_by, tenant_id) values (${id}, ${blocker}, tenant_now())`.execute(
      tx,
    );
  }
  return { id, created: true };
}

/** Wakes the claimers when this transaction commits; many rings in one transaction are one. A 1 s poll is the safety. */
export async function ringReady(tx: Tx): Promise<void> {
  await sql`select pg_notify('steward_ready', '')`.execute(tx);
}
