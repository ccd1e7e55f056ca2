import { type ChildProcess, spawn } from "node:child_process";
import { readdir, readFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { layoutOf } from "#db/embedded/layout.ts";

export const root = dirname(import.meta.dirname);
export const stewardCommand = join(root, "bin", "steward");

export type Place = { workspace: string; home: string; stateRoot: string };

/** The environment of a Steward that knows nothing of this machine's other ones. */
export function environmentOf({ home, stateRoot }: Place): NodeJS.ProcessEnv {
  const { DATABASE_URL: _, ...env } = process.env;
  return { ...env, STEWARD_HOME: home, STEWARD_STATE: stateRoot, STEWARD_PORT: "0", STEWARD_LOG: "silent" };
}

/** `steward …` as a person starts it, under this Node. */
export function startSteward(place: Place, args: string[]): ChildProcess {
  return spawn(process.execPath, [stewardCommand, ...args, "--workspace", place.workspace], {
    env: environmentOf(place),
    stdio: ["ignore", "ignore", "pipe"],
  });
}

/** Resolves when it is gone. */
export async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await new Promise((resolve) => child.once("exit", resolve));
}

/** Ends everything of a place: Steward's processes, agents, and the database. */
export async function stewardDown(place: Place): Promise<void> {
  const child = startSteward(place, ["down", "--services"]);
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said += text));
  await ended(child);
  if (child.exitCode !== 0) throw new Error(`steward down ended with ${child.exitCode}: ${said}`);
}

/** The embedded database's first process; null where none runs. */
export async function databasePid({ home }: Place): Promise<number | null> {
  const text = await readFile(join(layoutOf(home).data, "postmaster.pid"), "utf8").catch(() => "");
  return Number(text.split("\n")[0]) || null;
}

/** These processes and all that descend from them. */
export async function withDescendants(pids: number[]): Promise<number[]> {
  const parents = new Map<number, number>();
  for (const name of await readdir("/proc")) {
    const stat = /^\d+$/.test(name) ? await readFile(`/proc/${name}/stat`, "utf8").catch(() => "") : "";
    if (stat) parents.set(Number(name), Number(stat.slice(stat.lastIndexOf(")") + 2).split(" ")[1]));
  }
  const found = new Set(pids);
  for (let before = -1; before !== found.size;) {
    before = found.size;
    for (const [pid, parent] of parents) if (found.has(parent)) found.add(pid);
  }
  return [...found];
}
