// For the tests of this folder: run folders that are removed, and runs that are ended, whatever becomes of the test.

import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { uuidv7 } from "#system/ids.ts";
import { findMarked } from "#system/processes.ts";
import { removeFolder } from "#system/testing.ts";
import { endRun } from "./end-run.ts";
import { readRun } from "./read-run.ts";
import type { RunClocks, RunRecord, RunResult, RunSpec } from "./run-spec.ts";
import { prepareRun, startRunner } from "./start-runner.ts";
import { waitForEnd } from "./wait-for-end.ts";

export const fence = 7;

/** A folder for one run, and its spec: nothing is started. */
export async function newRun(
  context: TestContext,
  command: string[],
  { clocks = {}, ...overrides }: Partial<Omit<RunSpec, "clocks">> & { clocks?: Partial<RunClocks> } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "steward-run-"));
  const runId = uuidv7();
  const spec: RunSpec = {
    runId,
    ticketId: uuidv7(),
    tenantId: uuidv7(),
    fence,
    command,
    cwd: folder,
    env: { PATH: process.env["PATH"] ?? "" },
    clocks: { silenceMs: 20_000, totalMs: 30_000, graceMs: 500, ...clocks },
    limits: { outputBytes: 1_000_000 },
    marker: { name: "STEWARD_RUN", value: runId },
    lease: null,
    ...overrides,
  };
  context.after(async () => {
    await endRun(folder, fence);
    await removeFolder(folder);
  });
  return { folder, spec };
}

/** Prepares and starts a run, and waits for its result. */
export async function start(folder: string, spec: RunSpec): Promise<RunResult> {
  await prepareRun(folder, spec);
  const { exited } = await startRunner(folder);
  return finished(folder, exited);
}

export async function finished(folder: string, exited?: Promise<unknown>): Promise<RunResult> {
  const end = await waitForEnd(folder, fence, { ...(exited && { exited }), everyMs: 20 });
  if (end.state === "ended") return end.result;
  throw new Error(`The runner is dead: ${await readFile(join(folder, "runner.log"), "utf8")}`);
}

/** The program of this Node, without a shell: `code` is an ES module. */
export const node = (code: string): string[] => [process.execPath, "--input-type=module", "-e", code];

export async function untilAgentRuns(folder: string): Promise<RunRecord & { agent: NonNullable<RunRecord["agent"]> }> {
  return until("the agent to start", async () => {
    const run = await readRun(folder, fence);
    if (run.state !== "running" || !run.record.agent) return undefined;
    return { ...run.record, agent: run.record.agent };
  });
}

export async function marked(spec: RunSpec): Promise<number[]> {
  return (await findMarked(spec.marker.name, spec.marker.value)).map(({ pid }) => pid);
}

export async function untilMarked(spec: RunSpec, count: number): Promise<void> {
  await until(`${count} processes of the run`, async () => ((await marked(spec)).length >= count ? true : undefined));
}

/** Looks every 10 ms, for 10 s, until there is a value. */
export async function until<T>(what: string, look: () => Promise<T | undefined>): Promise<T> {
  for (let left = 1_000; left > 0; left -= 1) {
    const value = await look();
    if (value !== undefined) return value;
    await pause(10);
  }
  throw new Error(`Waited 10 s for ${what}`);
}
