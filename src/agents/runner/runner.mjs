// Holds one run of an agent: starts it in its own process group, keeps its clocks and its lease, spools its output, and
// writes down how it ended. It is started detached and lives on when Steward is restarted or killed.
//
//   node runner.mjs RUN_FOLDER          the folder has spec.json (RunSpec in run-spec.ts)
//   node runner.mjs                     waits to be told the folder through stdin (ready-runner.ts)
//
// Plain JavaScript, with nothing imported but Node and small files like this one until the agent runs: TypeScript would
// add 30 ms, and `pg` as much again. Exit codes: RUNNER_EXIT in run-spec.ts.
//
// Everything it starts ends in a result file. What cannot: kill -9 of the runner itself, and a machine that stops; then
// run.<fence> is there, its process is not, and whoever looks (read-run.ts) calls the run dead.

import { spawn } from "node:child_process";
import { closeSync, existsSync, openSync, readFileSync } from "node:fs";
import { setPriority } from "node:os";
import { join } from "node:path";
import { endGroup, findMarked, startTimeOf, sweepMarked } from "#system/processes.mjs";
import { callLastOneOut, joinAlive } from "./alive.mjs";
import { openOutputPipes } from "./output-pipes.mjs";
import { readCpuSeconds, readPeakRss } from "./resources.mjs";
import { addAgent, claimFence, reserveResult } from "./run-files.mjs";
import { openSpool } from "./spool.mjs";

const pipes = openOutputPipes();
const folder = process.argv[2] ?? waitForFolder();

/** How often clocks and memory are looked at; a clock of less than a second is looked at more often. */
const TICK_MS = 1_000;

/** A stop is over within 2 s of its switch: one between two renewals, half of one for the agent, the rest for the sweep. */
const STOP_GRACE_MS = 500;

/** A child that left the group can hold the output open; once all known ones are ended, wait no longer than this. */
const CLOSE_WAIT_MS = 500;

const outcome = { name: "exited", detail: null, exitCode: null, signal: null };
const startedAt = new Date();
let agent = null;
let clocks = null;
let stopLease = () => {};
let peakRssBytes = null;
/** Set once the agent is being ended, and once the run is being written up. */
let ending = null;
let finishing = null;

for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => end("stopped", `The runner received ${signal}.`));
process.on("SIGHUP", () => {});

const spec = readSpec();
if (!claimFence(folder, spec.fence)) process.exit(3);
const result = reserveResult(folder, spec.fence);
const leaveList = joinAlive(spec.home);
const spool = openSpool(join(folder, "output.log"), { limitBytes: spec.limits.outputBytes });

process.on("uncaughtException", fail);
try {
  start();
} catch (error) {
  fail(error);
}

function start() {
  const spawned = spawnAgent();
  if (spawned === null) return;
  const { child, output } = spawned;
  agent = { pid: child.pid };
  child.once("exit", (code, signal) => {
    outcome.exitCode = code;
    outcome.signal = signal;
    finish();
  });
  addAgent(folder, spec.fence, {
    pid: child.pid,
    startTime: startTimeOf(child.pid),
    startedAt: new Date().toISOString(),
  });
  spool.read(output[0], "stdout");
  spool.read(output[1], "stderr");
  if (spec.nice) lowerPriority(child.pid, spec.nice);
  clocks = watchClocks();
  if (spec.lease !== null) void keepLease(spec.lease);
}

/** In a session and process group of its own. Null if it cannot be; the run is then finished. */
function spawnAgent() {
  const [program, ...args] = spec.command;
  let input = "ignore";
  try {
    // Else the missing folder is reported as a missing program.
    if (!existsSync(spec.cwd)) throw new Error(`its work folder ${spec.cwd} is not there`);
    if (spec.stdinFile !== undefined) input = openSync(spec.stdinFile, "r");
    const env = { ...spec.env, [spec.marker.name]: spec.marker.value };
    const child = spawn(program, args, { cwd: spec.cwd, env, stdio: [input, ...pipes.stdio], detached: true });
    child.once("error", (error) => child.pid === undefined && couldNotStart(error));
    return child.pid === undefined ? null : { child, output: pipes.streams(child) };
  } catch (error) {
    couldNotStart(error);
    return null;
  } finally {
    if (input !== "ignore") closeSync(input);
    pipes.release();
  }
}

function couldNotStart(error) {
  outcome.name = "spawn_failed";
  outcome.detail = `The agent could not be started (${spec.command[0]}): ${error.message}`;
  finish();
}

/** Ends the agent, whose exit finishes the run. The first reason counts; a later one can only make it faster. */
function end(name, detail, { graceMs = stopGrace() } = {}) {
  if (finishing !== null) return;
  if (ending !== null) return void endGroup(agent.pid, { graceMs }).catch(() => {});
  // Else each tick would ask again; once is enough, and twice makes some programs drop everything.
  clearInterval(clocks);
  outcome.name = name;
  outcome.detail = detail;
  if (agent === null) return finish();
  ending = endGroup(agent.pid, { graceMs });
  // One that not even SIGKILL ends, stuck in the kernel, must not keep the result from being written.
  ending.then((ended) => ended || finish(), finish);
}

function stopGrace() {
  return spec.clocks.stopGraceMs ?? Math.min(spec.clocks.graceMs, STOP_GRACE_MS);
}

function fail(error) {
  console.error(error);
  end("runner_failed", `The runner failed: ${error.message}`);
}

function finish() {
  finishing ??= finishOnce().catch((error) => {
    console.error(error);
    process.exit(1);
  });
}

/** When the result is there, nothing of the run is left. */
async function finishOnce() {
  clearInterval(clocks);
  const clean = agent === null || (await endWhatIsLeft());
  stopLease();
  const output = await spool.close({ waitMs: CLOSE_WAIT_MS });
  result.write({
    fence: spec.fence,
    runId: spec.runId,
    outcome: outcome.name,
    detail: outcome.detail,
    exitCode: outcome.exitCode,
    signal: outcome.signal,
    startedAt: startedAt.toISOString(),
    endedAt: new Date().toISOString(),
    ...output,
    clean,
    peakRssBytes,
    cpuSeconds: agent === null ? null : readCpuSeconds(),
  });
  leaveList();
  callLastOneOut(spec);
  process.exit(outcome.name === "runner_failed" ? 1 : 0);
}

/** The group's members first, then whoever left the group. False if some could not be ended. */
async function endWhatIsLeft() {
  const { name, value } = spec.marker;
  try {
    await ending;
    const ended = await endGroup(agent.pid, { graceMs: stopGrace() });
    await sweepMarked(name, value, { graceMs: stopGrace() });
    return ended && (await findMarked(name, value)).length === 0;
  } catch (error) {
    console.error(error);
    return false;
  }
}

function watchClocks() {
  const { silenceMs, totalMs, graceMs } = spec.clocks;
  const began = performance.now();
  return setInterval(
    () => {
      const now = performance.now();
      peakRssBytes = Math.max(peakRssBytes ?? 0, readPeakRss(agent.pid) ?? 0) || null;
      if (now - began >= totalMs) end("total", `It ran for ${inWords(totalMs)}, the most it may.`, { graceMs });
      else if (now - Math.max(began, spool.lastAt()) >= silenceMs) {
        end("silence", `It wrote nothing for ${inWords(silenceMs)}.`, { graceMs });
      }
    },
    Math.max(10, Math.min(TICK_MS, silenceMs / 10, totalMs / 10)),
  );
}

async function keepLease(lease) {
  const { renewLease } = await import("./renew-lease.mjs");
  if (ending !== null || finishing !== null) return;
  stopLease = renewLease(lease, spec, { startedAt, graceMs: stopGrace(), onEnd: end, note: spool.note });
}

function lowerPriority(pid, nice) {
  try {
    setPriority(pid, nice);
  } catch {
    // Gone already, or not allowed: it then runs as others do.
  }
}

function inWords(milliseconds) {
  return milliseconds >= 120_000 ? `${Math.round(milliseconds / 60_000)} min` : `${milliseconds / 1000} s`;
}

/**
 * Waits with the whole process: there is nothing else to do, and no signal is handled yet. If whoever holds us ready ends
 * without a word, so do we. With a folder, our own words go to its log from here on, as of one that was started for it.
 */
function waitForFolder() {
  const told = readFileSync(0, "utf8");
  if (told === "") process.exit(0);
  // What is opened gets the lowest number that is free.
  const log = join(told, "runner.log");
  for (const [number, path] of ["/dev/null", log, log].entries()) {
    closeSync(number);
    openSync(path, number === 0 ? "r" : "a", 0o600);
  }
  return told;
}

function readSpec() {
  try {
    return JSON.parse(readFileSync(join(folder, "spec.json"), "utf8"));
  } catch (error) {
    console.error(`spec.json cannot be read: ${error.message}`);
    process.exit(2);
  }
}
