import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import { ringReady } from "#dispatch/create-ticket.ts";
import { append, type Because } from "#ledger/append.ts";
import { noSuchService } from "./no-such-service.ts";

/**
 * The owner asks for another try: failures before this no longer count, and a ticket that waits for its next attempt,
 * or that everybody refused, is ready for everybody now. Returns that ticket; null where none was waiting, and then
 * the next look at the service asks for its next step anew.
 */
export async function tryAgain(
  tx: Tx,
  because: Because,
  service: string,
): Promise<{ itemId: string; ticket: string | null }> {
  const { rows } = await sql<{ id: string }>`
    update item set patience_from = ${because.at}, updated_at = ${because.at}
    where line = 'service' and key = ${service} and gone_at is null returning id`.execute(tx);
  const itemId = rows[0]?.id;
  if (!itemId) throw await noSuchService(tx, service);
  const { rows: tickets } = await sql<{ id: string }>`
    update ticket set attempt = 0, losses = 0, refused_by = '{}', ready_at = ${because.at}, updated_at = ${because.at}
    where item_id = ${itemId} and line = 'service' and state = 'ready' returning id`.execute(tx);
  const ticket = tickets[0]?.id ?? null;
  await append(tx, because, { type: "item.tried_again", subject: itemId, key: service, ticket });
  await ringReady(tx);
  return { itemId, ticket };
}
