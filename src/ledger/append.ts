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
  because: Because,
  events: Event[],
  { where }: { where?: RawBuilder<boolean> } = {},
): RawBuilder<unknown> {
  return appendedRows(because, sql`
    select * from jsonb_to_recordset(${toJson(events.map(eventRow))}::jsonb) as e(id uuid, type text, subject text, body jsonb)
    ${where ? sql`where ${where}` : sql``}`); // prettier-ignore
}

/** The same for a query's rows, `id uuid, type text, subject text, body jsonb`: where only the statement knows them. */
export function appendedRows({ actor, at, rule, policy }: Because, rows: RawBuilder<unknown>): RawBuilder<unknown> {
  return sql`
    added as (
      insert into event (id, tenant_id, at, type, subject, actor, rule, policy, body)
      select id, tenant_now(), ${at}, type, subject, ${actor}, ${rule ?? null}, ${policy ?? null}, body from (${rows}) e
      returning id
    ), to_seal as (
      insert into pending (id, tenant_id, event_ids)
      select ids[1], tenant_now(), ids from (select array_agg(id order by id) as ids from added) a where ids is not null returning id
    )`;
}

/** An event as such a row, with the id that it will have. */
export function eventRow({ type, subject, ...body }: Event) {
  return { id: uuidv7(), type, subject, body };
}
