// <home>/alive lists the Steward processes and runners that live here, one file each, named <pid>-<start time>, so that
// the last one out can put out the light (the embedded database).

import { spawn } from "node:child_process";
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isAlive, ownIdentity } from "../../system/processes.mjs";

/** Lists this process; returns what takes it off the list. */
export function joinAlive(home) {
  if (home === undefined) return () => {};
  const own = ownIdentity();
  const path = join(home, "alive", `${own.pid}-${own.startTime.replaceAll(/[^\w]+/g, "_")}`);
  try {
    mkdirSync(join(home, "alive"), { recursive: true });
    writeFileSync(path, JSON.stringify({ ...own, what: "runner" }));
  } catch (error) {
    console.error(`Cannot be listed in ${home}/alive: ${error.message}`);
  }
  return () => rmSync(path, { force: true });
}

/**
 * Calls the script that ends what nobody needs any more, if nobody is listed and alive. Two that leave at once may both
 * call it, and one may start while it is called: the script looks again, under its own lock.
 */
export function leaveAlive({ home, lastOneOutScript }) {
  if (home === undefined || lastOneOutScript === undefined || livingIn(home).length > 0) return;
  spawn(process.execPath, [lastOneOutScript, home], { detached: true, stdio: "ignore" }).unref();
}

export function livingIn(home) {
  const folder = join(home, "alive");
  return namesIn(folder).flatMap((name) => {
    const identity = readIdentity(join(folder, name));
    return identity !== null && isAlive(identity) ? [identity] : [];
  });
}

function namesIn(folder) {
  try {
    return readdirSync(folder);
  } catch {
    return [];
  }
}

function readIdentity(path) {
  try {
    return JSON.parse(readFileSync(path, "utf8"));
  } catch {
    return null;
  }
}
