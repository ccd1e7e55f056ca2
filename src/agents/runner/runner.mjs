// Holds one run of an agent: starts it in its own process group, keeps its clocks and its lease, spools its output, and
// writes down how it ended. It is started detached and lives on when Steward is restarted or killed.
//
//   node runner.mjs RUN_FOLDER          the folder has spec.json (RunSpec in run-spec.ts)
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
import { endGroup, findMarked, startTimeOf, sweepMarked } from "../../system/processes.mjs";
import { leaveAlive, joinAlive } from "./alive.mjs";
import { readCpuSeconds, readPeakRss } from "./resources.mjs";
import { addAgent, claimFence, reserveResult } from "./run-files.mjs";
import { openSpool } from "./spool.mjs";

const folder = process.argv[2];

/** How often clocks and memory are looked at; a clock of less than a second is looked at more often. */
const TICK_MS = 1_000;

/** A child that left the group can hold the output open; once all known ones are ended, wait no longer than this. */
const CLOSE_WAIT_MS = 500;

const outcome = { name: "exited", detail: null, exitCode: null, signal: null };
const startedAt = new Date();
let spec;
let agent = null;
let stopping = null;
let stopped = false;
let peakRssBytes = null;

// A stop may come before there is an agent.
for (const signal of ["SIGTERM", "SIGINT"]) process.on(signal, () => end("stopped", `The runner received ${signal}.`));
process.on("SIGHUP", () => {});

try {
  spec = JSON.parse(readFileSync(join(folder, "spec.json"), "utf8"));
} catch (error) {
  console.error(`spec.json cannot be read: ${error.message}`);
  process.exit(2);
}
if (!claimFence(folder, spec.fence)) process.exit(3);

const result = reserveResult(folder, spec.fence);
const leaveOnExit = joinAlive(spec.home);
const spool = openSpool(join(folder, "output.log"), { limitBytes: spec.limits.outputBytes });

process.on("uncaughtException", (error) => {
  console.error(error);
  void end("runner_failed", `The runner failed: ${error.message}`).then(finish);
});

if (stopped) await finish();
else start();

function start() {
  const missing = existsSync(spec.cwd) ? null : `Its work folder ${spec.cwd} is not there.`;
  if (missing !== null) return void spawnFailed(missing);
  let input;
  try {
    input = spec.stdinFile === undefined ? "ignore" : openSync(spec.stdinFile, "r");
  } catch (error) {
    return void spawnFailed(error.message);
  }
  const [program, ...args] = spec.command;
  let child;
  try {
    child = spawn(program, args, {
      cwd: spec.cwd,
      env: { ...spec.env, [spec.marker.name]: spec.marker.value },
      stdio: [input, "pipe", "pipe"],
      detached: true,
    });
  } catch (error) {
    return void spawnFailed(error.message);
  } finally {
    if (typeof input === "number") closeSync(input);
  }
  child.once("error", (error) => {
    if (child.pid === undefined) void spawnFailed(error.message);
  });
  if (child.pid === undefined) return;

  agent = { child, pid: child.pid, running: true };
  addAgent(folder, spec.fence, {
    pid: child.pid,
    startTime: startTimeOf(child.pid),
    startedAt: new Date().toISOString(),
  });
  if (spec.nice) lowerPriority(child.pid, spec.nice);
  spool.read(child.stdout, "stdout");
  spool.read(child.stderr, "stderr");
  child.once("exit", (code, signal) => {
    agent.running = false;
    outcome.exitCode = code;
    outcome.signal = signal;
    void finish();
  });
  watchClocks();
  if (spec.lease !== null) void keepLease();
}

function spawnFailed(why) {
  outcome.name = "spawn_failed";
  outcome.detail = `The agent could not be started (${spec.command[0]}): ${why}`;
  return finish();
}

/** Ends the agent; the first reason counts. Its exit then finishes the run. */
function end(name, detail, { graceMs = stopGrace() } = {}) {
  stopped = true;
  if (stopping !== null) return stopping;
  outcome.name = name;
  outcome.detail = detail;
  stopping = agent?.running ? endGroup(agent.pid, { graceMs }) : Promise.resolve(true);
  return stopping;
}

function stopGrace() {
  return spec?.clocks.stopGraceMs ?? Math.min(spec?.clocks.graceMs ?? 0, 700);
}

let finishing = null;
function finish() {
  finishing ??= finishOnce();
  return finishing;
}

/** Nothing of the run is left when its result is there. */
async function finishOnce() {
  clearInterval(watchClocks.timer);
  keepLease.stop?.();
  let clean = true;
  try {
    if (agent !== null) {
      await stopping;
      clean = await endGroup(agent.pid, { graceMs: stopGrace() });
      await sweepMarked(spec.marker.name, spec.marker.value, { graceMs: stopGrace() });
      clean &&= (await findMarked(spec.marker.name, spec.marker.value)).length === 0;
    }
  } catch (error) {
    clean = false;
    outcome.detail ??= `What the agent left behind could not all be ended: ${error.message}`;
  }
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
  leaveOnExit();
  leaveAlive(spec);
  process.exit(outcome.name === "runner_failed" ? 1 : 0);
}

function watchClocks() {
  const { silenceMs, totalMs, graceMs } = spec.clocks;
  const began = performance.now();
  const every = Math.max(10, Math.min(TICK_MS, silenceMs / 10, totalMs / 10));
  watchClocks.timer = setInterval(() => {
    const now = performance.now();
    peakRssBytes = Math.max(peakRssBytes ?? 0, readPeakRss(agent.pid) ?? 0) || null;
    if (now - began >= totalMs) void end("total", `It ran for ${inWords(totalMs)}, the most it may.`, { graceMs });
    else if (now - Math.max(began, spool.lastAt()) >= silenceMs) {
      void end("silence", `It wrote nothing for ${inWords(silenceMs)}.`, { graceMs });
    }
  }, every);
}

async function keepLease() {
  const { renewLease } = await import("./renew-lease.mjs");
  if (finishing !== null) return;
  keepLease.stop = renewLease(spec, {
    startedAt,
    graceMs: stopGrace(),
    onEnd: (name, detail) => void end(name, detail),
    note: (text) => spool.note(text),
  });
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
