import { implement } from "@orpc/server";
import { inTenant, type Tx } from "#db/db.ts";
import type { Because } from "#ledger/append.ts";
import { contract } from "#http/contract.ts";
import type { RequestContext } from "#http/context.ts";

/** Implements the contract's operations. */
export const os = implement(contract).$context<RequestContext>();

/** One transaction of the owner's tenant. */
export function inHouse<T>({ house }: RequestContext, work: (tx: Tx) => Promise<T>): Promise<T> {
  return inTenant(house.database.app, house.tenantId, work);
}

/** The caller as the ledger names it. */
export function because({ house, caller }: RequestContext): Because {
  return { actor: caller.kind === "owner" ? "owner" : `run ${caller.runId}`, at: house.clock.now(), rule: "http" };
}
