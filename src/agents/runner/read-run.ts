import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { hasErrorCode } from "#system/failure.ts";
import { isAlive } from "#system/processes.ts";
import type { RunRecord, RunResult } from "./run-spec.ts";

export type RunState =
  | { state: "not_started" }
  | { state: "running"; record: RunRecord }
  | { state: "ended"; result: RunResult }
  /** It was started, its runner is gone, and there is no result: a kill -9, or the machine. The record may be unreadable. */
  | { state: "dead"; record: RunRecord | null };

/** What became of a run, from its files alone: anybody may ask, whoever started it. */
export async function readRun(folder: string, fence: number): Promise<RunState> {
  const result = await readJson<RunResult>(resultPath(folder, fence));
  if (result) return { state: "ended", result };
  const record = await readJson<RunRecord>(recordPath(folder, fence));
  if (record === undefined) return { state: "not_started" };
  if (record && isAlive(record)) return { state: "running", record };
  // It may have ended between the two looks.
  const late = await readJson<RunResult>(resultPath(folder, fence));
  return late ? { state: "ended", result: late } : { state: "dead", record };
}

export const recordPath = (folder: string, fence: number): string => join(folder, `run.${fence}`);
export const resultPath = (folder: string, fence: number): string => join(folder, `result.${fence}.json`);

/** Undefined if it is not there; null if it is cut short, as a power cut may leave it. */
async function readJson<T>(path: string): Promise<T | null | undefined> {
  let text: string;
  try {
    text = await readFile(path, "utf8");
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return undefined;
    throw error;
  }
  try {
    return JSON.parse(text) as T;
  } catch {
    return null;
  }
}
