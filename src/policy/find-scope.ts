import { sql } from "kysely";
import type { Tx } from "#db/db.ts";
import type { Scope } from "#db/schema.ts";
import type { ScopeRef } from "#policy/switches.ts";
import { Failure } from "#system/failure.ts";
import { didYouMean } from "#system/nearest.ts";

/** What a person calls a scope: an agent or an item by name or id, a run by id, a client or a line by its word. */
export type NamedScope = ScopeRef & { /** As a person says it. */ name: string };

/** Finds the scope that is meant, so that a switch on a misspelt name does not look as if it stopped something. */
export async function findScope(tx: Tx, scope: Scope, id: string): Promise<NamedScope> {
  switch (scope) {
    case "everything":
      return { scope, scopeId: "", name: "everything" };
    case "agent":
      return one(
        scope,
        id,
        await sql<Found>`select id::text, name from agent where name = ${id} or id::text = ${id}`.execute(tx),
        async () => (await tx.selectFrom("agent").select("name").execute()).map(({ name }) => name),
      );
    case "item":
      return one(scope, id, await sql<Found>`
        select id::text, key as name from item where key = ${id} or id::text = ${id} order by gone_at is not null, line <> 'service' limit 1`.execute(tx),
        async () => (await tx.selectFrom("item").select("key").where("gone_at", "is", null).execute()).map(({ key }) => key)); // prettier-ignore
    case "run":
      return one(
        scope,
        id,
        await sql<Found>`select id::text, id::text as name from run where id::text = ${id}`.execute(tx),
      );
    case "line":
      return one(
        scope,
        id,
        await sql<Found>`select line as id, line as name from item where line = ${id} limit 1`.execute(tx),
      );
    case "client":
      // A client may be stopped before its first item is seen.
      if (id === "") throw new Failure("invalid", "Which client? Name it: `steward stop client:NAME`.");
      return { scope, scopeId: id, name: `client ${id}` };
  }
}

type Found = { id: string; name: string };

async function one(
  scope: Scope,
  asked: string,
  { rows }: { rows: Found[] },
  known: () => Promise<string[]> = async () => [],
): Promise<NamedScope> {
  const found = rows[0];
  const word = scope === "item" ? "service" : scope;
  if (!found)
    throw new Failure(
      "not_found",
      `There is no ${word} ${asked || "without a name"}.${didYouMean(asked, await known())} \`steward status\` lists what there is.`,
    );
  return { scope, scopeId: found.id, name: `${word} ${found.name}` };
}

/** Standing switches with the names of what they stop. */
export async function namedSwitches(tx: Tx) {
  const { rows } = await sql<NamedScope & { id: string; reason: string; setBy: string; setAt: Date }>`
    select s.id, s.scope, s.scope_id as "scopeId", s.reason, s.set_by as "setBy", s.set_at as "setAt",
      case s.scope when 'everything' then 'everything'
        when 'item' then 'service ' || coalesce((select key from item where id::text = s.scope_id), s.scope_id)
        when 'agent' then 'agent ' || coalesce((select name from agent where id::text = s.scope_id), s.scope_id)
        else s.scope || ' ' || s.scope_id end as name
    from switch s where s.lifted_at is null order by s.set_at`.execute(tx);
  return rows;
}
