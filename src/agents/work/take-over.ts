import { rm } from "node:fs/promises";
import { sql } from "kysely";
import { applyChanges } from "#agents/workplace/apply-changes.ts";
import { readBaseline } from "#agents/workplace/baseline.ts";
import { collectChanges } from "#agents/workplace/collect-changes.ts";
import { inTenant } from "#db/db.ts";
import type { Tools } from "#agents/tools.ts";
import { report, type Outcome } from "#dispatch/report.ts";
import { append } from "#ledger/append.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { checkWork } from "#lines/service/check-work.ts";
import { contentHash } from "#proof/content-hash.ts";
import { handInDeploy } from "./hand-in-deploy.ts";
import { isControlFile } from "#agents/workplace/kinds-of-files.ts";
import { judgeDraft } from "./judge-draft.ts";
import { keepTicket, refuseStale } from "./keep-ticket.ts";
import type { RunFolder } from "./run-folder.ts";
import { failpoint } from "#system/failpoint.ts";

/** A run whose agent has ended. */
export type EndedWork = {
  runId: string;
  ticketId: string;
  itemId: string;
  fence: number;
  kind: string;
  round: number;
  agent: string;
};

/** A claim, as its run is spoken of once it has ended. */
export function workOf({ runId, id, item_id, fence, kind, round, agentName }: Claimed): EndedWork {
  return { runId, ticketId: id, itemId: item_id, fence, kind, round, agent: agentName };
}

/**
 * Takes what a run made over into the service, looks whether the stage's work is there, and reports. May be run again
 * after a kill at any moment: taking over is idempotent, and only one report is accepted.
 */
export async function takeOver(tools: Tools, work: EndedWork, folder: RunFolder): Promise<void> {
  // What a deployment is lies outside of the service's folder.
  if (work.kind === "deploy") return handInDeploy(tools, work, folder);
  const serviceDir = await serviceDirOf(tools, work.itemId);
  const baseline = await readBaseline(folder.baseline);
  const { changes, refused } = await collectChanges(folder.work, baseline);
  failpoint("run.collected");
  // A run that lost its ticket must not write: another may be at work on the same service by now.
  if (!(await keepTicket(tools, work))) return refuseStale(tools, work);
  failpoint("run.kept");
  const draft =
    work.kind === "spec" ? await judgeDraft(serviceDir, folder.work, changes) : { path: null, reason: null };
  const protectedPaths = (path: string) => path !== draft.path && isControlFile(path);
  const { applied, conflicts, proposals } = await applyChanges({ serviceDir, workDir: folder.work, baseline, changes, protectedPaths }); // prettier-ignore
  failpoint("run.applied");
  const problems = [...(draft.reason === null ? [] : [draft.reason]), ...checkWork(work.kind, tools.see(serviceDir), applied)]; // prettier-ignore
  const detail = {
    applied: applied.length,
    conflicts: conflicts.map(({ path, reason }) => `${path}: ${reason}`),
    proposals: proposals.map(({ path, kind, reason }) => `${path} (${kind}): ${reason}`),
    refused: refused.map(({ path, reason }) => `${path}: ${reason}`),
  };
  const reasons = [
    ...problems,
    ...(problems.length > 0 ? [...detail.conflicts, ...detail.proposals, ...detail.refused] : []),
  ];
  const outcome: Outcome =
    problems.length > 0 ? { outcome: "failed", reason: reasons.join("; ") } : { outcome: "done" };
  const hash = await contentHash(serviceDir).catch(() => null);
  const at = tools.clock.now();
  await inTenant(tools.database.app, tools.tenantId, async (tx) => {
    // The item before the ticket, as everybody takes them: else two could wait for each other.
    await sql`select 1 from item where id = ${work.itemId} for no key update`.execute(tx);
    const accepted = await report(tx, at, [
      { ...outcome, ticketId: work.ticketId, runId: work.runId, fence: work.fence, agent: work.agent, detail },
    ]);
    if (accepted.size === 0) return;
    await append(
      tx,
      { actor: `agent:${work.agent}`, at },
      {
        type: "run.applied",
        subject: work.runId,
        ticket: work.ticketId,
        applied,
        conflicts: detail.conflicts,
        proposals: detail.proposals,
      },
    );
    await sql`update item set applied_hash = ${hash} where id = ${work.itemId}`.execute(tx);
    if (outcome.outcome === "done" && work.kind === "build") {
      await sql`update round set built_at = ${at} where item_id = ${work.itemId} and number = ${work.round} and built_at is null`.execute(
        tx,
      );
    }
    if (outcome.outcome === "failed") await sql`update run set verified = false where id = ${work.runId}`.execute(tx);
  });
  failpoint("run.reported");
  await rm(folder.work, { recursive: true, force: true });
}

async function serviceDirOf(tools: Tools, itemId: string): Promise<string> {
  const { folder } = await inTenant(tools.database.app, tools.tenantId, (tx) =>
    tx.selectFrom("item").select("folder").where("id", "=", itemId).executeTakeFirstOrThrow(),
  );
  return folder!;
}
