import { type RawBuilder, sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import type { Event } from "#ledger/events.ts";
import { uuidv7 } from "#system/ids.ts";

/** Who did it, when, and by which rule of which policy version. */
export type Because = { actor: string; at: Date; rule?: string; policy?: string };

/**
 * Adds to the ledger. It takes a Tx so that no change can commit without its event, and many events at once so that a
 * batch costs one round trip. The tenant is the transaction's.
 */
export async function append(tx: Tx, because: Because, ...events: Event[]): Promise<void> {
  if (events.length === 0) return;
  await sql`/*ledger.append*/ with ${appended(because, events)} select 1`.execute(tx);
}

/**
 * The same as parts of a larger statement's `with`, so that the claim and the report need no round trip for it. With
 * `where`, only if that holds, such as that another part of the statement changed a row.
 */
export function appended(
  { actor, at, rule, policy }: Because,
  events: Event[],
  { where }: { where?: RawBuilder<boolean> } = {},
): RawBuilder<unknown> {
  const rows = events.map(({ type, subject, ...body }) => ({
    id: uuidv7(),
    at,
    type,
    subject,
    actor,
    rule,
    policy,
    body,
  }));
  return sql`
    added as (
      insert into event (id, tenant_id, at, type, subject, actor, rule, policy, body)
      select id, tenant_now(), at, type, subject, actor, rule, policy, body
      from jsonb_to_recordset(${toJson(rows)}::jsonb)
        as e(id uuid, at timestamptz, type text, subject text, actor text, rule text, policy text, body jsonb)
      ${where ? sql`where ${where}` : sql``}
      returning id, tenant_id
    ), to_seal as (
      insert into pending (event_id, tenant_id) select id, tenant_id from added
    )`;
}
