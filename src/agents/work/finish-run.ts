import { readFile, rm } from "node:fs/promises";
import { z } from "zod";
import { endRun } from "#agents/runner/end-run.ts";
import type { RunResult } from "#agents/runner/run-spec.ts";
import type { EndedRun } from "#agents/runner/wait-for-end.ts";
import type { Tools } from "#agents/tools.ts";
import { outlastDatabase } from "#db/outlast.ts";
import { endRuns } from "#dispatch/end-runs.ts";
import type { Outcome } from "#dispatch/report.ts";
import { Failure, messageOf } from "#system/failure.ts";
import type { RunFolder } from "./run-folder.ts";
import { takeOver, type EndedWork } from "./take-over.ts";

/** What an agent may say of its end. Only a refusal is believed: the work itself is looked at. */
const AgentsReport = z.object({
  outcome: z.enum(["refused", "done", "failed"]),
  reasons: z.array(z.string().max(2_000)).max(50).default([]),
});

/** Reports a run whose runner has ended or is dead, then has its item looked at again. */
export async function finishRun(
  tools: Tools,
  work: EndedWork,
  folder: RunFolder,
  ended: EndedRun,
  stopped: string | null,
): Promise<void> {
  try {
    if (ended.state === "dead") await endRun(folder.folder, work.fence);
    const outcome = ended.state === "dead" ? deadRunner(stopped) : await outcomeOf(ended.result, folder, stopped);
    await outlastDatabase(tools.database, () =>
      outcome.outcome === "done"
        ? takeOver(tools, work, folder)
        : reportOnly(tools, work, outcome, ended.state === "ended" ? detailOf(ended.result) : {}),
    );
  } catch (error) {
    await reportLoss(tools, work, error);
  }
  await rm(folder.work, { recursive: true, force: true });
  await tools.lookAgain(work.itemId);
}

/** The rest of a run whose work was being taken over when the process that did so died. */
export async function finishTakingOver(tools: Tools, work: EndedWork, folder: RunFolder): Promise<void> {
  try {
    await outlastDatabase(tools.database, () => takeOver(tools, work, folder));
  } catch (error) {
    await reportLoss(tools, work, error);
  }
  await rm(folder.work, { recursive: true, force: true });
  await tools.lookAgain(work.itemId);
}

/** For what went wrong on our side: a Failure is the run's, such as a folder too large; all else is a lost worker. */
export async function reportLoss(tools: Tools, work: EndedWork, error: unknown): Promise<void> {
  tools.log.error({ err: error, run: work.runId, agent: work.agent }, "a run could not be carried out");
  const outcome: Outcome =
    error instanceof Failure
      ? { outcome: "failed", reason: error.message }
      : { outcome: "lost", reason: `Steward could not carry it out: ${messageOf(error)}` };
  await outlastDatabase(tools.database, () => reportOnly(tools, work, outcome, {})).catch((again: unknown) =>
    tools.log.error({ err: again, run: work.runId }, "and that could not be reported; its lease will run out"),
  );
}

async function reportOnly(tools: Tools, work: EndedWork, outcome: Outcome, detail: object): Promise<void> {
  await endRuns(tools.database.app, tools.tenantId, tools.clock.now(), [
    { ...outcome, ticketId: work.ticketId, runId: work.runId, fence: work.fence, agent: work.agent, detail },
  ]);
}

/** A runner that had not begun when it was told to end leaves no result. */
function deadRunner(stopped: string | null): Outcome {
  return stopped === null ? { outcome: "lost", reason: "its runner died" } : { outcome: "stopped", reason: stopped };
}

async function outcomeOf(result: RunResult, folder: RunFolder, stopped: string | null): Promise<Outcome> {
  const last = result.lastLines.at(-1);
  const saying = last === undefined ? "" : `; it last said: ${last.slice(0, 500)}`;
  switch (result.outcome) {
    case "stopped":
      return { outcome: "stopped", reason: stopped ?? result.detail ?? "it was stopped" };
    case "lease_lost":
      return stopped !== null
        ? { outcome: "stopped", reason: stopped }
        : { outcome: "lost", reason: result.detail ?? "its lease was lost" };
    case "runner_failed":
      return { outcome: "lost", reason: result.detail ?? "its runner failed" };
    case "silence":
    case "total":
      return { outcome: "failed", reason: `${(result.detail ?? "it ran out of time").replace(/\.$/, "")}${saying}` };
    case "spawn_failed":
      return { outcome: "failed", reason: `it could not be started: ${result.detail ?? "no reason was given"}` };
    case "exited": {
      if (result.signal === "SIGKILL") return { outcome: "lost", reason: "it was killed from outside (SIGKILL)" };
      const said = await readReport(folder.report);
      if (said?.outcome === "refused")
        return { outcome: "refused", reasons: said.reasons.length > 0 ? said.reasons : ["it gave no reason"] };
      if (result.exitCode === 0 && said?.outcome !== "failed") return { outcome: "done" };
      const how = result.signal ? `ended by ${result.signal}` : `exit code ${result.exitCode}`;
      return {
        outcome: "failed",
        reason: `${how}${said && said.reasons.length > 0 ? `: ${said.reasons.join("; ")}` : saying}`,
      };
    }
  }
}

async function readReport(path: string): Promise<z.infer<typeof AgentsReport> | null> {
  try {
    return AgentsReport.parse(JSON.parse(await readFile(path, "utf8")));
  } catch {
    return null;
  }
}

function detailOf({ outcome, exitCode, signal, lastLines, outputBytes, peakRssBytes, cpuSeconds }: RunResult): object {
  return { ended: outcome, exitCode, signal, lastLines: lastLines.slice(-20), outputBytes, peakRssBytes, cpuSeconds };
}
