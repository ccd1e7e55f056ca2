import { spawn, type ChildProcess, type StdioOptions } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { startTimeOf } from "#system/processes.ts";
import type { RunSpec } from "./run-spec.ts";

const runnerScript = fileURLToPath(new URL("./runner.mjs", import.meta.url));

/** What a runner needs of our environment. Its agent's is in the spec. */
const passedOn = ["PATH", "HOME", "TZ", "TMPDIR"];

export type StartedRunner = {
  pid: number;
  startTime: string | null;
  /** The runner's own exit code (RUNNER_EXIT), seen only by the process that started it. */
  exited: Promise<number | null>;
};

/** Makes the run folder, for our eyes only: the spec may hold a password, the output what the agent saw. */
export async function prepareRun(folder: string, spec: RunSpec): Promise<void> {
  if (spec.command.length === 0 || spec.command[0] === "") {
    throw new Failure("invalid", `Run ${spec.runId} has no command: give the agent one in steward.yaml.`);
  }
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await chmod(folder, 0o700);
  await writeFileAtomic(join(folder, "spec.json"), `${JSON.stringify(spec, null, 2)}\n`, { mode: 0o600, flush: false });
}

/**
 * Starts the runner of a prepared run in a session of its own: it outlives this process, however that ends.
 * Starting one twice is harmless: the second finds the fence taken and leaves.
 *
 * With the run's marker it carries it itself: a runner that is killed while it starts its agent leaves a process that is
 * still a copy of the runner, and that a sweep must find before it becomes the agent.
 */
export function startRunner(folder: string, marker?: RunSpec["marker"]): Promise<StartedRunner> {
  const log = openSync(join(folder, "runner.log"), "a", 0o600);
  try {
    const child = spawnRunner([folder], {
      stdio: ["ignore", log, log],
      ...(marker && { environment: { [marker.name]: marker.value } }),
    });
    return new Promise((resolve, reject) => {
      child.once("error", reject);
      child.once("spawn", () => resolve(startedRunner(child)));
    });
  } finally {
    closeSync(log);
  }
}

/** Without a folder it waits to be told one through stdin. */
export function spawnRunner(
  folder: [string] | [],
  { stdio, environment = {} }: { stdio: StdioOptions; environment?: Record<string, string> },
): ChildProcess {
  // A small young generation keeps an idle runner small; it moves bytes, it computes nothing.
  const child = spawn(process.execPath, ["--max-semi-space-size=1", runnerScript, ...folder], {
    cwd: "/",
    detached: true,
    env: { ...ownEnvironment(), ...environment },
    stdio,
  });
  child.unref();
  return child;
}

export function startedRunner(child: ChildProcess): StartedRunner {
  const pid = child.pid!;
  const exited =
    child.exitCode !== null || child.signalCode !== null
      ? Promise.resolve(child.exitCode)
      : new Promise<number | null>((done) => child.once("exit", done));
  return { pid, startTime: startTimeOf(pid), exited };
}

function ownEnvironment(): Record<string, string> {
  return Object.fromEntries(passedOn.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
