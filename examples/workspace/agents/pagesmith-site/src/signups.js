import { mkdir, open, readFile } from "node:fs/promises";
import path from "node:path";

/** Addresses, one a line, each on the disk before it is acknowledged. A line that a crash tore is cut off on start. */
export async function openSignups(folder) {
  await mkdir(folder, { recursive: true });
  const file = path.join(folder, "signups.txt");
  const handle = await open(file, "a");
  const text = await readFile(file, "utf8");
  const whole = text.slice(0, text.lastIndexOf("\n") + 1);
  await handle.truncate(Buffer.byteLength(whole));
  const known = new Set(whole.split("\n").filter(Boolean));
  let last = Promise.resolve();

  async function add(address) {
    if (known.has(address)) return;
    await handle.appendFile(address + "\n");
    await handle.datasync();
    known.add(address);
  }
  return {
    count: () => known.size,
    add: (address) => {
      const done = last.then(() => add(address));
      last = done.catch(() => {});
      return done;
    },
    close: () => last.then(() => handle.close()),
  };
}
