import { readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import type { Tools } from "#agents/tools.ts";
import { inTenant } from "#db/db.ts";
import { runFolderOf } from "./run-folder.ts";

/**
 * Takes away the copies of services that ended runs have left here: a process that was killed could not. A run's
 * output stays. Called at start, after adopting: what goes on again has a run that has not ended.
 */
export async function sweepEndedRuns({
  database,
  tenantId,
  home,
}: Pick<Tools, "database" | "tenantId" | "home">): Promise<void> {
  const here = [...(await idsIn(join(home, "runs"))), ...(await idsIn(join(home, "scratch")))];
  if (here.length === 0) return;
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ id: string }>`select id from run where id = any(${here}) and state = 'ended'`.execute(tx),
  );
  for (const { id } of rows) await removeCopies(home, id);
}

/** The agent's copy of the service, and the prover's. */
export async function removeCopies(home: string, runId: string): Promise<void> {
  await rm(runFolderOf(home, runId).work, { recursive: true, force: true });
  await rm(join(home, "scratch", runId), { recursive: true, force: true });
}

/** The runs that have a folder there. */
export async function idsIn(folder: string): Promise<string[]> {
  const names = await readdir(folder).catch(() => []);
  return names.filter((name) => /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/.test(name));
}
