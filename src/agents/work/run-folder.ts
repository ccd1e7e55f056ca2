import { join } from "node:path";

/** Where a run keeps its things: outside of the workspace, one folder a run. */
export function runFolderOf(home: string, runId: string) {
  const folder = join(home, "runs", runId);
  return {
    folder,
    /** The agent's own copy of the service. */
    work: join(folder, "work"),
    baseline: join(folder, "baseline.json"),
    /** What the agent may say of its end, beside its exit code. */
    report: join(folder, "report.json"),
  };
}

export type RunFolder = ReturnType<typeof runFolderOf>;
