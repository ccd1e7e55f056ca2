// Where the agent writes. Node's own pipes to a child are sockets, and a socket cannot be opened by name: a script that
// says `echo trouble > /dev/stderr`, as many do, then fails with "No such device or address". Named pipes, made when the
// run was prepared, have no such trouble. Where there are none, Node's are used.

import { closeSync, constants, openSync, rmSync } from "node:fs";
import { Socket } from "node:net";
import { join } from "node:path";

const { O_NONBLOCK, O_RDONLY, O_WRONLY } = constants;

/**
 * Two pipes for `stdio`, and the streams to read them by once the agent is started. `release` lets go of our ends for
 * writing, without which they would never come to their end.
 */
export function openOutputPipes(folder) {
  const pipes = ["stdout", "stderr"].map((name) => openNamed(join(folder, `${name}.pipe`)));
  return {
    stdio: pipes.map((pipe) => pipe?.write ?? "pipe"),
    streams: (child) => pipes.map((pipe, index) => pipe?.stream ?? child.stdio[index + 1]),
    release: () => pipes.forEach((pipe) => pipe && closeSync(pipe.write)),
  };
}

function openNamed(path) {
  let read = null;
  try {
    // For reading first, which does not wait for a writer; for writing then, which finds its reader.
    read = openSync(path, O_RDONLY | O_NONBLOCK);
    const write = openSync(path, O_WRONLY);
    // Open, it needs its name no more; /dev/stderr leads to it all the same.
    rmSync(path, { force: true });
    return { write, stream: new Socket({ fd: read, readable: true, writable: false }) };
  } catch {
    if (read !== null) closeSync(read);
    return null;
  }
}
