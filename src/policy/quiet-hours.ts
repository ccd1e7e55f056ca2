import { sql, type RawBuilder } from "kysely";

/**
 * True for a ticket `t` of item `i` while quiet hours of one of its scopes hold. A window is from_minute..to_minute of
 * the day in its own zone, so daylight saving is the zone's business; from > to crosses midnight, and then the early
 * part belongs to the day before. Agents' quiet hours are asked where the agent is chosen.
 */
export const ticketIsQuiet: RawBuilder<boolean> = sql<boolean>`exists (
  select 1 from quiet_hours q, lateral (
    select extract(hour from now() at time zone q.zone)::int * 60 + extract(minute from now() at time zone q.zone)::int as minute,
           extract(isodow from now() at time zone q.zone)::int as day) l
  where ${windowHolds()} and (
    q.scope = 'everything'
    or (q.scope = 'line' and q.scope_id = t.line)
    or (q.scope = 'item' and q.scope_id = t.item_id::text)
    or (q.scope = 'client' and q.scope_id = i.client)))`;

/** The scopes for which quiet hours hold now. */
export const quietScopes: RawBuilder<{ scope: string; scope_id: string }> = sql`
  select q.scope, q.scope_id from quiet_hours q, lateral (
    select extract(hour from now() at time zone q.zone)::int * 60 + extract(minute from now() at time zone q.zone)::int as minute,
           extract(isodow from now() at time zone q.zone)::int as day) l
  where ${windowHolds()}`;

function windowHolds(): RawBuilder<boolean> {
  return sql<boolean>`case
    when q.from_minute <= q.to_minute then l.minute >= q.from_minute and l.minute < q.to_minute and l.day = any(q.days)
    else (l.minute >= q.from_minute and l.day = any(q.days))
      or (l.minute < q.to_minute and (case when l.day = 1 then 7 else l.day - 1 end) = any(q.days)) end`;
}
