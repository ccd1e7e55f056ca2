// Where the agent writes. Node's own pipes to a child are sockets, and a socket cannot be opened by name: a script that
// says `echo trouble > /dev/stderr`, as many do, then fails with "No such device or address". Named pipes have no such
// trouble. Where none can be made, Node's are used.

import { execFileSync } from "node:child_process";
import { closeSync, constants, mkdtempSync, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * Two pipes for `stdio`, and the streams to read them by once the agent is started. `release` lets go of our ends for
 * writing, without which they would never come to their end.
 */
export function openOutputPipes() {
  const pipes = makePipes(2);
  return {
    stdio: pipes.map((pipe) => pipe?.write ?? "pipe"),
    streams: (child) =>
      pipes.map((pipe, index) =>
        pipe ? new Socket({ fd: pipe.read, readable: true, writable: false }) : child.stdio[index + 1],
      ),
    release: () => pipes.forEach((pipe) => pipe && closeSync(pipe.write)),
  };
}

/** Open, they need their names no more; /dev/stderr leads to them all the same. */
function makePipes(count) {
  let folder = null;
  try {
    folder = mkdtempSync(join(tmpdir(), "steward-pipes-"));
    const paths = Array.from({ length: count }, (_, index) => join(folder, String(index)));
    execFileSync("mkfifo", ["-m", "600", ...paths], { stdio: "ignore" });
    return paths.map(openBoth);
  } catch {
    return Array.from({ length: count }, () => null);
  } finally {
    if (folder !== null) rmSync(folder, { recursive: true, force: true });
  }
}

/** For reading first, which does not wait for a writer; for writing then, which finds its reader. */
function openBoth(path) {
  const read = openSync(path, O_RDONLY | O_NONBLOCK);
  return { read, write: openSync(path, O_WRONLY) };
}
