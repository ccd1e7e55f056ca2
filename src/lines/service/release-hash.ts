import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Control } from "./control.ts";

/**
 * Of all that decides how a release fares beside its content: the settings in force, what the owner declares about its
 * production, and which secrets were set when. That a release was sick says nothing about one with others. Where the
 * policy is not recorded yet, what was known before stays.
 */
export async function releaseHash(
  tx: Tx,
  { service, control, policy, before }: { service: string; control: Control; policy: string | null; before: string },
): Promise<string> {
  const { rows } = await sql<{ hash: string }>`
    select encode(sha256(convert_to(jsonb_build_object(
      'settings', ${JSON.stringify(control.settings)}::jsonb,
      'deploy', coalesce(body->'service'->${service}::text->'deploy', body->'deploy'),
      'environment', body->'service'->${service}::text->'environment',
      'secrets', (select jsonb_agg(jsonb_build_array(name, extract(epoch from set_at)) order by name) from secret where service = ${service})
    )::text, 'utf8')), 'hex') as hash
    from policy where version = ${policy}`.execute(tx);
  return rows[0]?.hash ?? before;
}
