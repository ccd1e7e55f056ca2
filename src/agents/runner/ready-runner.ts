import type { ChildProcess } from "node:child_process";
import { bootId, isAlive, startTimeOf } from "#system/processes.ts";
import type { RunSpec } from "./run-spec.ts";
import { spawnRunner, startedRunner, startRunner, type StartedRunner } from "./start-runner.ts";

export type Runners = {
  /** As startRunner; sooner, where one is ready. */
  start(folder: string, marker?: RunSpec["marker"]): Promise<StartedRunner>;
  /** Holds one ready from now on. */
  makeReady(): void;
  /** Ends the one that is ready, and makes no other. Runs are not touched. */
  stop(): void;
};

/** Node hears of a child's end a moment late, and its stdin takes a word for as long. */
const isRunning = (pid: number): boolean => isAlive({ pid, startTime: startTimeOf(pid) ?? "", bootId: bootId() });

/** The next one boots once the agent just started has had the processor for itself for a moment. */
const NEXT_MS = 100;

/**
 * Holds one runner that has booted and waits for its run: Node takes longer to start (30 to 60 ms, more on a machine
 * that is busy) than all else between a claim and its agent. It is told the run's folder through stdin. Whoever holds it
 * ends, however that may be, and stdin with it: then it goes, having started nothing.
 *
 * Unlike one started for its run it does not carry the run's marker. Only who looks in the millisecond between its fork
 * and its agent's exec could miss the agent by that; where a runner died so early, endRun looks for a second.
 */
export function keepReadyRunner({ nextMs = NEXT_MS }: { nextMs?: number } = {}): Runners {
  let ready: ChildProcess | null = null;
  let wanted = false;
  let timer: NodeJS.Timeout | undefined;

  function makeReady(): void {
    if (!wanted || ready !== null) return;
    const child = spawnRunner([], { stdio: ["pipe", "ignore", "ignore"] });
    // One that cannot be started, or is killed, is no harm: the next run starts its own.
    child.once("error", () => forget(child)).once("exit", () => forget(child));
    child.stdin!.on("error", () => {});
    (child.stdin as unknown as { unref(): void }).unref();
    ready = child;
  }

  const forget = (child: ChildProcess) => {
    if (ready === child) ready = null;
  };

  function takeReady(): ChildProcess | null {
    const child = ready;
    ready = null;
    if (wanted) {
      clearTimeout(timer);
      timer = setTimeout(makeReady, nextMs).unref();
    }
    return child?.pid !== undefined && isRunning(child.pid) ? child : null;
  }

  return {
    async start(folder, marker) {
      const child = takeReady();
      if (child === null) return startRunner(folder, marker);
      const told = await new Promise<boolean>((resolve) => {
        child.stdin!.once("error", () => resolve(false));
        child.stdin!.end(folder, () => resolve(true));
      });
      // Should it have been told all the same, the fence lets only one of the two start the agent.
      return told ? startedRunner(child) : startRunner(folder, marker);
    },
    makeReady() {
      wanted = true;
      makeReady();
    },
    stop() {
      wanted = false;
      clearTimeout(timer);
      ready?.stdin?.end();
      ready = null;
    },
  };
}
