import { spawn, type ChildProcess } from "node:child_process";
import { randomBytes } from "node:crypto";
import type { Readable, Writable } from "node:stream";
import { messageOf } from "#system/failure.ts";
import { endGroup, sweepMarked, sweepWithin } from "#system/processes.ts";
import { keepEnds } from "./keep-ends.ts";
import { MARKER_NAME } from "./gate-environment.ts";
import { readSignedReport, type SignedReport } from "./signed-report.ts";

export type BoundedCommand = {
  command: string;
  args: string[];
  cwd: string;
  environment: Record<string, string>;
  timeoutMs: number;
  outputKeptBytes: number;
  outputLimitBytes: number;
  signal: AbortSignal;
  /** Between SIGTERM and SIGKILL, 2 s by default: enough to write a last line; the verdict is already decided. */
  graceMs?: number;
  /** A real path, made for this run alone: whoever still works below it afterwards is ended, too. */
  ownFolder?: string;
  /** Gives the program a signed report channel: it writes to descriptor 3, and reads the key once from descriptor 4. */
  report?: boolean;
};

export type BoundedRun = {
  ended: "exited" | "timeout" | "output_limit" | "cancelled" | "not_started";
  exitCode: number | null;
  killedBy: NodeJS.Signals | null;
  output: string;
  durationMs: number;
  report: SignedReport | null;
};

const GRACE_MS = 2_000;

/** How long to wait for the pipes to close once every process is ended. */
const DRAIN_MS = 1_000;

/**
 * Runs a program that is not trusted to end, to be quiet or to clean up: in its own process group, with nothing on
 * stdin, with exactly the environment given, a deadline and a bound on its output. When this returns, no process of it
 * is left: the group is ended, and whoever left the group is found by a mark in the environment, or by where it works.
 * One that left the group, cleaned its environment and went elsewhere is not found. Never throws for what the program
 * does.
 */
export async function runBounded(command: BoundedCommand): Promise<BoundedRun> {
  const started = performance.now();
  const mark = randomBytes(16).toString("hex");
  const kept = keepEnds(command.outputKeptBytes);
  const child = start(command, mark);
  if (child instanceof Error) {
    const nothing = { exitCode: null, killedBy: null, durationMs: 0, report: null };
    return { ended: "not_started", output: child.message, ...nothing };
  }
  const streams = child.stdio.filter((stream) => stream !== null && stream !== undefined);
  const report =
    command.report === true
      ? readSignedReport(child.stdio[3] as Readable, child.stdio[4] as Writable, command.outputLimitBytes)
      : null;

  const ended = await endOf(child, command, kept, report?.overflowed);
  if (child.pid !== undefined) {
    const graceMs = ended.ended === "exited" || ended.ended === "output_limit" ? 0 : (command.graceMs ?? GRACE_MS);
    await endGroup(child.pid, { graceMs });
    await sweepMarked(MARKER_NAME, mark);
    if (command.ownFolder !== undefined) await sweepWithin(command.ownFolder);
    await Promise.race([closed(streams), new Promise((resolve) => setTimeout(resolve, DRAIN_MS).unref())]);
  }
  for (const stream of streams) stream.destroy();
  return {
    ended: ended.ended,
    exitCode: ended.code,
    killedBy: ended.by,
    output: kept.text(),
    durationMs: Math.round(performance.now() - started),
    report: report === null ? null : report.read(),
  };
}

/** Most of what keeps a program from starting is told later, by an event; a too long list of arguments is thrown. */
function start({ command, args, cwd, environment, report }: BoundedCommand, mark: string): ChildProcess | Error {
  try {
    return spawn(command, args, {
      cwd,
      env: { ...environment, [MARKER_NAME]: mark },
      detached: true,
      stdio: report === true ? ["ignore", "pipe", "pipe", "pipe", "pipe"] : ["ignore", "pipe", "pipe"],
    });
  } catch (error) {
    return error instanceof Error ? error : new Error(messageOf(error));
  }
}

type End = { ended: BoundedRun["ended"]; code: number | null; by: NodeJS.Signals | null };

/** The first of: its own end, the deadline, the bound on output, or the caller's word. */
async function endOf(
  child: ChildProcess,
  { timeoutMs, outputLimitBytes, signal }: BoundedCommand,
  kept: ReturnType<typeof keepEnds>,
  overflowed: Promise<void> | undefined,
): Promise<End> {
  const { promise, resolve } = Promise.withResolvers<End>();
  const stop = (ended: BoundedRun["ended"]) => resolve({ ended, code: null, by: null });
  const cancel = () => stop("cancelled");
  const timer = setTimeout(() => stop("timeout"), timeoutMs);
  signal.addEventListener("abort", cancel, { once: true });
  if (signal.aborted) cancel();
  const take = (chunk: Buffer) => {
    if (kept.add(chunk) > outputLimitBytes) stop("output_limit");
  };
  child.stdout?.on("data", take);
  child.stderr?.on("data", take);
  void overflowed?.then(() => stop("output_limit"));
  child.once("error", (error) => {
    kept.add(Buffer.from(`${error.message}\n`));
    stop("not_started");
  });
  child.once("exit", (code, by) => resolve({ ended: "exited", code, by }));
  try {
    return await promise;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", cancel);
  }
}

async function closed(streams: (Readable | Writable)[]): Promise<void> {
  const reading = streams.filter((stream): stream is Readable => "readable" in stream && stream.readable);
  await Promise.all(reading.map((stream) => new Promise((resolve) => stream.once("close", resolve))));
}
