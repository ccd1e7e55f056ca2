// <home>/alive lists the Steward processes and runners that live here, so that the last one out can turn off the light
// (the embedded database). One file each, `<pid>-<start time, percent-encoded>`, holding the boot id: the same that
// db/embedded/alive.ts writes and reads.

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { bootId, isAlive, ownIdentity } from "#system/processes.mjs";

/** Lists this process; returns what takes it off the list. */
export function joinAlive(home) {
  if (home === undefined) return () => {};
  const own = ownIdentity();
  const path = join(home, "alive", `${own.pid}-${encodeURIComponent(own.startTime)}`);
  try {
    mkdirSync(join(home, "alive"), { recursive: true });
    writeFileSync(path, own.bootId);
  } catch (error) {
    console.error(`Cannot be listed in ${home}/alive: ${error.message}`);
  }
  return () => rmSync(path, { force: true });
}

/**
 * Calls the script that ends what nobody needs any more, if nobody is listed and alive. Two that leave at once may both
 * call it, and another may come while it is called: the script looks again, under its own lock.
 */
export function callLastOneOut({ home, lastOneOutScript, marker }) {
  if (home === undefined || lastOneOutScript === undefined || anyoneAlive(home)) return;
  // Not a process of the run: a sweep of it must not find this one.
  const env = { ...process.env };
  delete env[marker.name];
  spawn(process.execPath, [lastOneOutScript, home], { detached: true, stdio: "ignore", env }).unref();
}

function anyoneAlive(home) {
  const folder = join(home, "alive");
  return namesIn(folder).some((name) => {
    const [, pid, startTime] = /^(\d+)-(.+)$/.exec(name) ?? [];
    if (pid === undefined) return false;
    return isAlive({ pid: Number(pid), startTime: decodeURIComponent(startTime), bootId: bootId() });
  });
}

function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}
