import type { RawBuilder } from "kysely";
import { LEASE_SECONDS } from "#dispatch/lease.ts";
import { ticketIsStopped } from "#policy/switches.ts";

/**
 * What a runner asks every second, with [ticket, fence, run]: it keeps the lease while the ticket is this run's, and
 * hears of a switch even where nobody else is left to tell it. No row: the ticket is no longer its own.
 */
export const RUNNER_RENEWAL = `
  with mine as (
    update ticket set lease_until = now() + interval '${LEASE_SECONDS.runner} seconds'
    where id = $1 and fence = $2 and run_id = $3 and state = 'claimed' and lease_kind = 'runner' returning *)
  select case when t.stop_reason is not null or ${textOf(ticketIsStopped)}
      or exists (select 1 from switch s where s.lifted_at is null and s.scope = 'run' and s.scope_id = t.run_id::text)
      or exists (select 1 from switch s join run r on r.id = t.run_id where s.lifted_at is null and s.scope = 'agent' and s.scope_id = r.agent_id::text)
    then 'stop' else 'ok' end as state
  from mine t join item i on i.id = t.item_id`;

/** The text of a fragment without parameters. */
function textOf(fragment: RawBuilder<unknown>): string {
  const { sqlFragments, parameters } = fragment.toOperationNode();
  if (parameters.length > 0) throw new Error("A fragment for a runner has no parameters.");
  return sqlFragments.join("");
}
