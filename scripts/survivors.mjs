/** Processes that outlived the tests which started them. */

import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

/**
 * Those that carry STEWARD_TEST_RUN=`id`, or that work in `scratch` or were started with a path in it (an agent gets a
 * clean environment, so the mark alone would miss it). What is still ending gets `waitMs` to do so. Off Linux there is
 * no /proc to look in, and the answer is empty.
 */
export async function findSurvivors(id, scratch, { waitMs }) {
  const until = Date.now() + waitMs;
  for (;;) {
    const found = processes().filter((one) => belongs(one, id, scratch));
    if (found.length === 0 || Date.now() >= until) return found;
    await sleep(100);
  }
}

/** SIGTERM, two seconds, SIGKILL. */
export async function endSurvivors(survivors) {
  for (const { pid } of survivors) signal(pid, "SIGTERM");
  const until = Date.now() + 2000;
  while (Date.now() < until && survivors.some(({ pid }) => signal(pid, 0))) await sleep(50);
  for (const { pid } of survivors) signal(pid, "SIGKILL");
}

function belongs({ pid, environment, command, folder }, id, scratch) {
  if (pid === process.pid) return false;
  return (
    environment.split("\0").includes(`STEWARD_TEST_RUN=${id}`) ||
    command.includes(`${scratch}/`) ||
    folder.startsWith(scratch)
  );
}

function processes() {
  let names;
  try {
    names = readdirSync("/proc");
  } catch {
    return [];
  }
  return names
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({
      pid: Number(pid),
      environment: read(() => readFileSync(`/proc/${pid}/environ`, "utf8")),
      command: read(() => readFileSync(`/proc/${pid}/cmdline`, "utf8"))
        .replaceAll("\0", " ")
        .trim(),
      folder: read(() => readlinkSync(`/proc/${pid}/cwd`)),
    }));
}

/** Empty for a process that has just ended (a zombie has neither), or that is another user's. */
function read(look) {
  try {
    return look();
  } catch {
    return "";
  }
}

function signal(pid, name) {
  try {
    return process.kill(pid, name);
  } catch {
    return false;
  }
}
