import { mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { bootId as currentBoot, isAlive, ownIdentity } from "#system/processes.ts";
import { layoutOf } from "./layout.ts";

/**
 * Says that this process needs the home's database, until `leave` is called or it ends: a file
 * `alive/<pid>-<start time, percent-encoded>` that holds the boot id. A pid without its start time proves nothing.
 */
export async function enter(home: string): Promise<{ leave(): Promise<void> }> {
  const { pid, startTime, bootId } = ownIdentity();
  const { alive } = layoutOf(home);
  await mkdir(alive, { recursive: true });
  const file = join(alive, `${pid}-${encodeURIComponent(startTime)}`);
  await writeFile(file, bootId);
  return { leave: () => rm(file, { force: true }) };
}

/** True while a process that entered still lives. Files of dead ones are taken away. */
export async function anyoneAlive(home: string): Promise<boolean> {
  const { alive } = layoutOf(home);
  const names = await readdir(alive).catch(() => []);
  let found = false;
  for (const name of names) {
    const [, pid, startTime] = /^(\d+)-(.+)$/.exec(name) ?? [];
    if (!pid || !startTime) continue;
    const file = join(alive, name);
    // Empty where its process is between making and writing it, or was ended there: then the name decides.
    const bootId = (await readFile(file, "utf8").catch(() => "")) || currentBoot();
    if (isAlive({ pid: Number(pid), startTime: decodeURIComponent(startTime), bootId })) found = true;
    else await rm(file, { force: true });
  }
  return found;
}
