// Who is alive, and how to end them. Plain JavaScript, so that the runner, which must start in a few milliseconds, can
// import it without the cost of stripping types; everybody else imports processes.ts, which has the types.
//
// Linux is read from /proc. macOS is asked through `ps` and `sysctl`: slower, start times to the second, and the
// environment of programs signed by Apple is hidden there, so the sweep can miss those.

import { execFileSync } from "node:child_process";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setImmediate as nextTurn, setTimeout as pause } from "node:timers/promises";

const linux = process.platform === "linux";

/** How often a waiting end looks again. 20 ms: an end is felt as immediate, and a look costs well under a millisecond. */
const LOOK_MS = 20;

/** Rounds of the sweep: a process that forks while it is swept is found in the next. Ten end even a slow fork loop. */
const SWEEP_ROUNDS = 10;

let knownBootId;

export function bootId() {
  knownBootId ??= linux
    ? readFileSync("/proc/sys/kernel/random/boot_id", "utf8").trim()
    : output("sysctl", ["-n", "kern.bootsessionuuid"]);
  return knownBootId;
}

export function startTimeOf(pid) {
  return processOf(pid)?.startTime ?? null;
}

export function isAlive({ pid, startTime, bootId: boot }) {
  if (!startTime || boot !== bootId()) return false;
  const found = processOf(pid);
  return found !== null && !found.dead && found.startTime === startTime;
}

/** This process, as others may ask for it later. */
export function ownIdentity() {
  return { pid: process.pid, startTime: startTimeOf(process.pid), bootId: bootId() };
}

export async function endGroup(pgid, { graceMs = 0 } = {}) {
  if (!Number.isSafeInteger(pgid) || pgid <= 1) throw new TypeError(`Not a process group: ${pgid}`);
  return endAll(
    () => (signalTo(-pgid, 0) ? membersOf(pgid) : []),
    (signal) => signalTo(-pgid, signal),
    graceMs,
  );
}

export async function sweepMarked(name, value, { graceMs = 0 } = {}) {
  return sweep(() => findMarked(name, value), graceMs);
}

export async function sweepWithin(folder, { graceMs = 0 } = {}) {
  return linux ? sweep(() => livingWithin(folder), graceMs) : [];
}

async function sweep(find, graceMs) {
  const swept = new Set();
  for (let round = 0; round < SWEEP_ROUNDS; round += 1) {
    const found = await find();
    if (found.length === 0) break;
    for (const { pid } of found) swept.add(pid);
    const gone = await endAll(
      () => found.filter((one) => isAlive(one)),
      (signal) => found.filter((one) => isAlive(one)).forEach(({ pid }) => signalTo(pid, signal)),
      round === 0 ? graceMs : 0,
    );
    if (!gone) break;
  }
  return [...swept];
}

/** The living processes, but for this one, whose environment has NAME=value and whose environment we may read. */
export async function findMarked(name, value) {
  const marker = `${name}=${value}`;
  return livingAmong(linux ? await markedInProc(marker) : markedInPs(marker));
}

/** The living processes, but for this one, that work in a folder or below it. */
async function livingWithin(folder) {
  const found = [];
  let looked = 0;
  for (const pid of pidsInProc()) {
    const place = readLinkOrNull(`/proc/${pid}/cwd`);
    if (place !== null && (place === folder || place.startsWith(`${folder}/`))) found.push(pid);
    if ((looked += 1) % 64 === 0) await nextTurn();
  }
  return livingAmong(found);
}

function livingAmong(pids) {
  const boot = bootId();
  return pids.flatMap((pid) => {
    const found = pid === process.pid ? null : processOf(pid);
    return found === null || found.dead ? [] : [{ pid, startTime: found.startTime, bootId: boot }];
  });
}

/** SIGTERM, then SIGKILL to whoever is left after the grace. True when nobody is left; false if some cannot be ended. */
async function endAll(remaining, send, graceMs) {
  if (remaining().length === 0) return true;
  if (graceMs > 0) {
    send("SIGTERM");
    if (await untilNone(remaining, graceMs)) return true;
  }
  send("SIGKILL");
  // A killed process can stay for a moment while the kernel takes it down, or for long in a stuck disk or network read.
  return untilNone(remaining, 2_000);
}

async function untilNone(remaining, withinMs) {
  const until = performance.now() + withinMs;
  for (;;) {
    if (remaining().length === 0) return true;
    const left = until - performance.now();
    if (left <= 0) return false;
    await pause(Math.min(LOOK_MS, left));
  }
}

/** False if there is nobody to receive it, or it is not ours to end. */
function signalTo(pid, signal) {
  try {
    return process.kill(pid, signal);
  } catch (error) {
    if (error.code === "ESRCH") return false;
    if (error.code === "EPERM") return signal === 0;
    throw error;
  }
}

function processOf(pid) {
  if (!Number.isSafeInteger(pid) || pid <= 0) return null;
  return linux
    ? parseStat(readOrNull(`/proc/${pid}/stat`))
    : parsePs(output("ps", ["-o", "pgid=,state=,lstart=", "-p", String(pid)]));
}

function membersOf(pgid) {
  if (!linux) {
    return output("ps", ["-axo", "pid=,pgid=,state="])
      .split("\n")
      .flatMap((line) => {
        const [pid, group, state] = line.trim().split(/\s+/);
        return Number(group) === pgid && !state?.startsWith("Z") ? [Number(pid)] : [];
      });
  }
  return pidsInProc().filter((pid) => {
    const found = processOf(pid);
    return found !== null && !found.dead && found.pgid === pgid;
  });
}

function pidsInProc() {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
}

async function markedInProc(marker) {
  const needle = Buffer.from(`\0${marker}\0`);
  const found = [];
  let looked = 0;
  for (const pid of pidsInProc()) {
    const environment = readOrNull(`/proc/${pid}/environ`, null);
    if (environment !== null && Buffer.concat([Buffer.of(0), environment, Buffer.of(0)]).includes(needle))
      found.push(pid);
    // A busy machine has thousands: let others have the loop now and then.
    if ((looked += 1) % 64 === 0) await nextTurn();
  }
  return found;
}

function markedInPs(marker) {
  return output("ps", ["-axwwE", "-o", "pid=,command="])
    .split("\n")
    .flatMap((line) => {
      const [pid, ...words] = line.trim().split(/\s+/);
      return words.includes(marker) ? [Number(pid)] : [];
    });
}

/** proc(5): the name, in brackets, may hold spaces and brackets; after it come state (3), ppid, pgrp (5) … start (22). */
function parseStat(text) {
  if (text === null) return null;
  const fields = text.slice(text.lastIndexOf(")") + 2).split(" ");
  return { dead: fields[0] === "Z" || fields[0] === "X", pgid: Number(fields[2]), startTime: fields[19] };
}

function parsePs(line) {
  const [pgid, state, ...started] = line.trim().split(/\s+/);
  return started.length === 0
    ? null
    : { dead: state.startsWith("Z"), pgid: Number(pgid), startTime: started.join(" ") };
}

/** Null when the process ended meanwhile or is not ours to look at. */
function readOrNull(path, encoding = "utf8") {
  try {
    return readFileSync(path, encoding);
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(error.code)) return null;
    throw error;
  }
}

function readLinkOrNull(path) {
  try {
    return readlinkSync(path);
  } catch (error) {
    if (["ENOENT", "ESRCH", "EACCES", "EPERM"].includes(error.code)) return null;
    throw error;
  }
}

/** What a command prints; nothing if it fails, as `ps` does for a process that is gone. */
function output(command, args) {
  try {
    return execFileSync(command, args, {
      encoding: "utf8",
      stdio: ["ignore", "pipe", "ignore"],
      maxBuffer: 64 << 20,
    }).trim();
  } catch {
    return "";
  }
}
