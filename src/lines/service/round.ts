import { createHash } from "node:crypto";
import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Event } from "#ledger/events.ts";
import { lineDifference } from "#system/line-difference.ts";
import type { Round } from "./standing.ts";

/** The round that runs. A spec that changed before anything was built of it is still the same round. */
export async function keepRound(
  tx: Tx,
  at: Date,
  {
    itemId,
    name,
    last,
    specText,
    hasCode,
    working,
  }: {
    itemId: string;
    name: string;
    last: Round | null;
    /** Null where there is none, or it could not be read. */
    specText: string | null;
    hasCode: boolean;
    /** Somebody is at work on it. */
    working: boolean;
  },
  events: Event[],
): Promise<Round> {
  const text = specText ?? "";
  const hash = createHash("sha256").update(text).digest("hex");
  if (last && (last.spec_hash === hash || specText === null)) {
    // Whoever wrote the code, it is there: from here on a changed spec is another round.
    if (last.number > 1 || last.built_at !== null || !hasCode || working) return last;
    await sql`update round set built_at = ${at} where item_id = ${itemId} and number = ${last.number}`.execute(tx);
    return { ...last, built_at: at };
  }
  if (last && last.built_at === null && !working) {
    // The work of this round has not begun, so there is nothing to differ from but the round before.
    const before = last.number === 1 ? null : await specTextOf(tx, itemId, last.number - 1);
    const difference = before === null ? null : lineDifference(before, text).text;
    await sql`update round set spec_hash = ${hash}, spec_text = ${text}, difference = ${difference} where item_id = ${itemId} and number = ${last.number}`.execute(
      tx,
    );
    return { ...last, spec_hash: hash, difference };
  }
  const before = last && (await specTextOf(tx, itemId, last.number));
  const round: Round = {
    number: (last?.number ?? 0) + 1,
    spec_hash: hash,
    difference: before === null ? null : lineDifference(before, text).text,
    // What stood here before Steward came was built of the spec that stood beside it.
    built_at: last || !hasCode ? null : at,
  };
  await sql`insert into round (item_id, tenant_id, number, spec_hash, spec_text, difference, opened_at, built_at)
    values (${itemId}, tenant_now(), ${round.number}, ${hash}, ${text}, ${round.difference}, ${at}, ${round.built_at})`.execute(
    tx,
  );
  events.push({
    type: "round.opened",
    subject: itemId,
    key: name,
    round: round.number,
    why: last ? "its spec changed" : "first seen",
    difference: round.difference,
  });
  return round;
}

async function specTextOf(tx: Tx, itemId: string, number: number): Promise<string | null> {
  const { rows } = await sql<{ spec_text: string }>`
    select spec_text from round where item_id = ${itemId} and number = ${number}`.execute(tx);
  return rows[0]?.spec_text ?? null;
}
