import { setTimeout as pause } from "node:timers/promises";
import { readRun, type RunState } from "./read-run.ts";

export type EndedRun = Extract<RunState, { state: "ended" | "dead" }>;

/**
 * Waits until a run has ended or its runner is dead. `exited`, from startRunner, tells at once where this process
 * started the runner; others look every `everyMs`. Rejects with the signal's reason when it is aborted. A run that was
 * never started is waited for, unless the runner that was to start it has exited: it was killed before its first act,
 * and is as dead as one that was killed after.
 */
export async function waitForEnd(
  folder: string,
  fence: number,
  { exited, signal, everyMs = 150 }: { exited?: Promise<unknown>; signal?: AbortSignal; everyMs?: number } = {},
): Promise<EndedRun> {
  let told = exited;
  let gone = false;
  for (;;) {
    signal?.throwIfAborted();
    const run = await readRun(folder, fence);
    if (run.state === "ended" || run.state === "dead") return run;
    if (run.state === "not_started" && gone) return { state: "dead", record: null };
    const timer = new AbortController();
    const stop = signal ? AbortSignal.any([signal, timer.signal]) : timer.signal;
    const rest = pause(everyMs, undefined, { signal: stop }).catch(() => {});
    // Told once, then looked at: the one that exited may have found the fence taken by another, whose run goes on.
    await (told === undefined ? rest : Promise.race([told.then(onExit), rest]));
    timer.abort();
  }

  function onExit(): void {
    told = undefined;
    gone = true;
  }
}
