import { rm } from "node:fs/promises";
import { readBaseline } from "#agents/workplace/baseline.ts";
import { collectChanges, type Change } from "#agents/workplace/collect-changes.ts";
import { NotAFolder, openBelow, openRoot, readRegular } from "#agents/workplace/open-folder.ts";
import type { Tools } from "#agents/tools.ts";
import { HIRED_RECORD } from "#lines/service/hired-deploy.ts";
import { isReadme } from "#proof/left-out.ts";
import { failpoint } from "#system/failpoint.ts";
import { hasErrorCode } from "#system/failure.ts";
import { keepTicket, refuseStale } from "./keep-ticket.ts";
import type { RunFolder } from "./run-folder.ts";
import type { EndedWork } from "./take-over.ts";

/**
 * What a hired agent that was to deploy left: nothing of it enters the service. Its record is read as what it says, and
 * whoever judges deployments asks for themselves and reports. May be run again after a kill at any moment.
 */
export async function handInDeploy(tools: Tools, work: EndedWork, folder: RunFolder): Promise<void> {
  const { changes } = await collectChanges(folder.work, await readBaseline(folder.baseline));
  failpoint("run.collected");
  if (!(await keepTicket(tools, work))) return refuseStale(tools, work);
  failpoint("run.kept");
  const { runId, ticketId, itemId, fence, round, agent } = work;
  const beside = changes.filter(({ path }) => path !== HIRED_RECORD);
  await tools.deploys.judge({
    runId,
    ticketId,
    itemId,
    fence,
    round,
    agent,
    record: await readRecord(folder.work),
    changed: beside.filter(isOfWhatWasProved).map(({ path }) => path),
    left: beside.map(({ path, kind }) => `${path} (${kind})`).slice(0, 100),
  });
  failpoint("run.reported");
  await rm(folder.work, { recursive: true, force: true });
}

/** A README tells of the service, and serves nobody. */
const isOfWhatWasProved = ({ kind, path }: Change): boolean => kind !== "added" && !isReadme(path);

/** More than any record; what is larger is no record. */
const RECORD_BYTES = 64 * 1024;

/** Never through a link: the agent could name any file of ours with one. */
async function readRecord(workDir: string): Promise<string | null> {
  const [folderName = "", name = ""] = HIRED_RECORD.split("/");
  const root = await openRoot(workDir);
  try {
    const folder = await openBelow(root, [folderName]);
    try {
      const read = folder && (await readRegular(folder, name, RECORD_BYTES));
      return read ? read.bytes.toString("utf8") : null;
    } finally {
      await folder?.close();
    }
  } catch (error) {
    if (error instanceof NotAFolder || hasErrorCode(error, "ENOENT")) return null;
    throw error;
  } finally {
    await root.close();
  }
}
