import { lstat, mkdir, readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { findServer } from "#http/server-file.ts";
import { hasErrorCode } from "#system/failure.ts";
import type { Bench, BenchTools, Figure } from "./bench.ts";
import { median, spread } from "./samples.ts";
import { databasePid, ended, type Place, root, startSteward, stewardDown, withDescendants } from "./steward-process.ts";
import { incompleteSpec, writeFiles } from "./workspace.ts";

const STARTS = 5;
const IDLE_BEFORE_MS = 5_000;

export const footprint: Bench = {
  name: "footprint",
  about: "start to the first HTTP 200, idle memory, install size",
  async run(tools) {
    const first: number[] = [];
    const again: number[] = [];
    const memory: number[] = [];
    for (let start = 0; start < STARTS; start++) {
      const place = await newPlace(tools, start);
      tools.defer(() => stewardDown(place));
      first.push(await startOnce(place));
      again.push(await startOnce(place, async (pid) => {
        if (start < 2) memory.push(await idleMemory(place, pid));
      })); // prettier-ignore
    }
    return [startFigure("first", first), startFigure("again", again), memoryFigure(memory), ...(await installSizes())];
  },
};

async function newPlace({ folder, stateRoot }: BenchTools, start: number): Promise<Place> {
  const workspace = join(folder, `workspace-${start}`);
  for (const name of ["one", "two", "three"]) {
    await writeFiles(join(workspace, "SERVICES", name), { "SPEC.md": incompleteSpec(name) });
  }
  const home = join(folder, `home-${start}`);
  await mkdir(home);
  return { workspace, home, stateRoot };
}

/** `steward up` from its process's start to its first answer with 200, then to its end. Seconds. */
async function startOnce(place: Place, meanwhile: (pid: number) => Promise<void> = async () => {}): Promise<number> {
  const started = performance.now();
  const child = startSteward(place, ["up"]);
  let said = "";
  child.stderr!.setEncoding("utf8").on("data", (text: string) => (said += text));
  try {
    while (!(await answers(place))) {
      if (child.exitCode !== null) throw new Error(`steward up ended with ${child.exitCode}: ${said}`);
      await sleep(5);
    }
    const took = (performance.now() - started) / 1000;
    await meanwhile(child.pid!);
    return took;
  } finally {
    child.kill("SIGTERM");
    await ended(child);
  }
}

async function answers({ home }: Place): Promise<boolean> {
  const server = await findServer(home);
  if (server === null) return false;
  const response = await fetch(server.url).catch(() => null);
  await response?.arrayBuffer();
  return response?.status === 200;
}

/** What the server, its threads' and children's processes, and the database take of the memory, in MB. */
async function idleMemory(place: Place, pid: number): Promise<number> {
  await sleep(IDLE_BEFORE_MS);
  const database = await databasePid(place);
  const pids = await withDescendants(database === null ? [pid] : [pid, database]);
  let kilobytes = 0;
  for (const one of pids) {
    const rollup = await readFile(`/proc/${one}/smaps_rollup`, "utf8").catch((error: unknown) => {
      // A database's short-lived process may be gone by now.
      if (hasErrorCode(error, "ENOENT", "ESRCH")) return "";
      throw error;
    });
    kilobytes += Number(/^Pss:\s+(\d+) kB/m.exec(rollup)?.[1] ?? 0);
  }
  return (kilobytes * 1024) / 1e6;
}

function startFigure(which: "first" | "again", seconds: number[]): Figure {
  const spreads = spread(seconds);
  return {
    id: `footprint: start ${which}`,
    name: which === "first" ? "first start ever → first HTTP 200" : "start → first HTTP 200",
    unit: "s",
    ...spreads,
    how: `\`steward up\` from the process's start to the first 200 at its address, three services, ${which === "first" ? "the embedded database made (initdb, migrations; for the very first also the copy of its programs)" : "the embedded database there but not running"}`,
    goal: { text: "≤ 3 s", met: spreads.p50 <= 3 },
  };
}

function memoryFigure(samples: number[]): Figure {
  const spreads = spread(samples);
  return {
    id: "footprint: idle memory",
    name: "idle memory, database included",
    unit: "MB",
    ...spreads,
    how: `proportional set size (PSS) of \`steward up\` and all processes of its database, ${IDLE_BEFORE_MS / 1000} s after the first answer, three services`,
    goal: { text: "≤ 250 MB", met: spreads.max <= 250 },
  };
}

/** node_modules as it is here, and the part of it that the product runs with. */
async function installSizes(): Promise<Figure[]> {
  const whole = await sizeOf(join(root, "node_modules"));
  const lockfile = JSON.parse(await readFile(join(root, "package-lock.json"), "utf8")) as {
    packages: Record<string, { dev?: boolean; devOptional?: boolean }>;
  };
  let product = 0;
  for (const [place, entry] of Object.entries(lockfile.packages)) {
    if (place !== "" && !entry.dev) product += await sizeOf(join(root, place), { nested: false });
  }
  const sizes = [
    ["install", "installed packages, with development tools", whole, "disk blocks of node_modules"],
    ["install product", "installed packages that the product runs with", product, "disk blocks of the packages that package-lock.json does not mark as dev; Node itself and PostgreSQL are among them"],
  ] as const; // prettier-ignore
  return sizes.map(([id, name, value, how]) => ({
    id: `footprint: ${id}`,
    name,
    unit: "MB",
    value: median([value]),
    n: 1,
    how,
    goal: { text: "≤ 450 MB", met: value <= 450 },
  }));
}

/** Disk blocks in MB, links not followed; without `nested`, not those of a package's own node_modules. */
async function sizeOf(path: string, { nested = true }: { nested?: boolean } = {}): Promise<number> {
  const stat = await lstat(path).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return null; // A package for another kind of machine.
    throw error;
  });
  if (stat === null) return 0;
  let megabytes = (stat.blocks * 512) / 1e6;
  if (!stat.isDirectory()) return megabytes;
  for (const name of await readdir(path)) {
    if (nested || name !== "node_modules") megabytes += await sizeOf(join(path, name), { nested });
  }
  return megabytes;
}
