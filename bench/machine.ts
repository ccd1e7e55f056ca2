import { readFile } from "node:fs/promises";
import { availableParallelism, cpus, release, totalmem, type, version } from "node:os";

/** A number without its machine says nothing. */
export type Machine = {
  cpu: string;
  cores: number;
  memoryGib: number;
  kernel: string;
  system: string;
  node: string;
  /** One-minute load average before the first bench: above a few tenths, something else was running. */
  load: number;
};

export async function describeMachine(): Promise<Machine> {
  const release_ = await readFile("/etc/os-release", "utf8").catch(() => "");
  const load = await readFile("/proc/loadavg", "utf8").catch(() => "0");
  return {
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: availableParallelism(),
    memoryGib: Math.round(totalmem() / 2 ** 30),
    kernel: `${type()} ${release()}`,
    system: /^PRETTY_NAME="?([^"\n]*)/m.exec(release_)?.[1] ?? version(),
    node: process.version,
    load: Number(load.split(" ")[0]),
  };
}
