import { runBounded } from "#proof/run-bounded.ts";
import { testEnvironment } from "#proof/gate-environment.ts";

/** `command` is a program on the search path or a path; what it can import was tried, not guessed. */
export type Python = { command: string; version: string; coverage: boolean; pytest: boolean };

/** Debian's own comes second: a version manager's python3 on the path often lacks what Debian's packages bring. */
const candidates = ["python3", "/usr/bin/python3", "/usr/local/bin/python3", "python"];

const question = `
import sys
if sys.version_info < (3, 8): sys.exit(1)
import importlib.util as u
has = lambda name: "1" if u.find_spec(name) else "0"
print("steward", sys.version.split()[0], has("coverage"), has("pytest"))`;

/** One that has everything is not looked for again; while something is missing, the owner may be installing it. */
let complete: Python | null = null;
const COMPLETE = 3;

/** The Python that can do most of what tests need; null if there is none of 3.8 or newer. */
export async function findPython(home: string, signal: AbortSignal): Promise<Python | null> {
  if (complete !== null) return complete;
  let best: Python | null = null;
  for (const command of candidates) {
    const python = await askPython(command, home, signal);
    if (python !== null && worth(python) > worth(best)) best = python;
    if (worth(best) === COMPLETE) {
      complete = best;
      break;
    }
  }
  return best;
}

function worth(python: Python | null): number {
  return python === null ? -1 : (python.coverage ? 2 : 0) + (python.pytest ? 1 : 0);
}

export async function askPython(command: string, home: string, signal: AbortSignal): Promise<Python | null> {
  const run = await runBounded({
    command,
    args: ["-c", question],
    cwd: home,
    environment: testEnvironment(home),
    timeoutMs: 20_000,
    outputKeptBytes: 64 << 10,
    outputLimitBytes: 1 << 20,
    signal,
  });
  const [, version, coverage, pytest] = /^steward (\S+) ([01]) ([01])$/m.exec(run.output) ?? [];
  if (run.exitCode !== 0 || version === undefined) return null;
  return { command, version, coverage: coverage === "1", pytest: pytest === "1" };
}
