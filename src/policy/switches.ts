import { sql, type RawBuilder } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Scope } from "#db/schema.ts";
import { append } from "#ledger/append.ts";
import { closeDoors } from "#policy/door.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";

export type ScopeRef = { scope: Scope; scopeId: string };

/** What a door knows of the work in front of it; what it does not know cannot be stopped by that scope. */
export type Subject = { line?: string; itemId?: string; client?: string | null; agentId?: string; runId?: string };

/** Sets a switch. When this commits, no door opens any more for anything in the scope. Setting it twice is one switch. */
export async function setSwitch(
  tx: Tx,
  actor: string,
  at: Date,
  { scope, scopeId }: ScopeRef,
  reason: string,
): Promise<{ id: string; was: "set" | "already set" }> {
  await closeDoors(tx);
  const id = uuidv7();
  const { rows } = await sql<{ id: string }>`
    insert into switch (id, tenant_id, scope, scope_id, reason, set_by, set_at)
    values (${id}, tenant_now(), ${scope}, ${scopeId}, ${reason}, ${actor}, ${at})
    on conflict (tenant_id, scope, scope_id) where lifted_at is null do nothing returning id`.execute(tx);
  if (rows.length === 0) {
    const standing = await sql<{ id: string }>`
      select id from switch where scope = ${scope} and scope_id = ${scopeId} and lifted_at is null`.execute(tx);
    return { id: standing.rows[0]!.id, was: "already set" };
  }
  await append(tx, { actor, at }, { type: "switch.set", subject: id, scope, scopeId, reason });
  await sql`select pg_notify('steward_stop', ${`${scope}:${scopeId}`})`.execute(tx);
  return { id, was: "set" };
}

/** Lifts a scope's switch; what it held back is ready again at once. */
export async function liftSwitch(tx: Tx, actor: string, at: Date, { scope, scopeId }: ScopeRef): Promise<void> {
  const { rows } = await sql<{ id: string }>`
    update switch set lifted_at = ${at}, lifted_by = ${actor}
    where scope = ${scope} and scope_id = ${scopeId} and lifted_at is null returning id`.execute(tx);
  const id = rows[0]?.id;
  if (!id)
    throw new Failure(
      "not_found",
      `Nothing to resume: ${describeScope({ scope, scopeId })} is not stopped. \`steward status\` lists what is.`,
    );
  await append(tx, { actor, at }, { type: "switch.lifted", subject: id, scope, scopeId });
  await sql`select pg_notify('steward_ready', '')`.execute(tx);
}

export type StandingSwitch = ScopeRef & { id: string; reason: string; set_by: string; set_at: Date };

export async function standingSwitches(tx: Tx): Promise<StandingSwitch[]> {
  const { rows } = await sql<StandingSwitch>`
    select id, scope, scope_id as "scopeId", reason, set_by, set_at from switch where lifted_at is null order by set_at`.execute(
    tx,
  );
  return rows;
}

/** The switch that stops this subject, if one does. Asked by door 3 for one effect; the claim asks it in its own SQL. */
export async function switchAgainst(tx: Tx, subject: Subject): Promise<StandingSwitch | undefined> {
  return (await standingSwitches(tx)).find(({ scope, scopeId }) => {
    switch (scope) {
      case "everything":
        return true;
      case "line":
        return subject.line === scopeId;
      case "item":
        return subject.itemId === scopeId;
      case "client":
        return subject.client === scopeId;
      case "agent":
        return subject.agentId === scopeId;
      case "run":
        return subject.runId === scopeId;
    }
  });
}

/** True for a ticket `t` of item `i` that a switch stops. Agents' switches are asked where the agent is chosen. */
export const ticketIsStopped: RawBuilder<boolean> = sql<boolean>`exists (
  select 1 from switch s where s.lifted_at is null and (
    s.scope = 'everything'
    or (s.scope = 'line' and s.scope_id = t.line)
    or (s.scope = 'item' and s.scope_id = t.item_id::text)
    or (s.scope = 'client' and s.scope_id = i.client)))`;

export function describeScope({ scope, scopeId }: ScopeRef): string {
  return scope === "everything" ? "everything" : `${scope} ${scopeId}`;
}
