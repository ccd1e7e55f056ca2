// Who can be killed in a house, found as it stands now.
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { findPostmaster } from "#db/embedded/postmaster.ts";
import { isAlive, type ProcessIdentity } from "#system/processes.ts";
import type { FaultHouse } from "./house.fixture.ts";

type RunRecord = ProcessIdentity & { agent?: { pid: number; startTime: string } };

export const victims = {
  runner: async ({ home }: FaultHouse) => (await runsAtWork(home)).map(({ pid }) => pid),
  agent: async ({ home }: FaultHouse) => (await runsAtWork(home)).flatMap(({ agent }) => agent?.pid ?? []),
  database: async ({ home }: FaultHouse) => {
    const postmaster = await findPostmaster(join(home, "database", "cluster", "data"));
    return postmaster?.ready ? [postmaster.pid] : [];
  },
  front: (house: FaultHouse) => inProductionOf(house, async (place) => [join(place, "front", "front.json")]),
  release: (house: FaultHouse) =>
    inProductionOf(house, async (place) => {
      const names = await readdir(join(place, "running")).catch(() => []);
      return names.filter((name) => name.endsWith(".json")).map((name) => join(place, "running", name));
    }),
} satisfies Record<string, (house: FaultHouse) => Promise<number[]>>;

async function runsAtWork(home: string): Promise<RunRecord[]> {
  const runs = await readdir(join(home, "runs")).catch(() => []);
  const records = runs.map(async (run) => {
    const folder = join(home, "runs", run);
    const names = (await readdir(folder).catch(() => [])).filter((name) => /^run\.\d+$/.test(name));
    return Promise.all(names.map((name) => read<RunRecord>(join(folder, name))));
  });
  return living((await Promise.all(records)).flat());
}

/** Of services whose spec changes: one that is killed too often waits for a word of its owner's. */
async function inProductionOf(
  { home, respecified }: FaultHouse,
  files: (place: string) => Promise<string[]>,
): Promise<number[]> {
  const paths = await Promise.all([...respecified].map((service) => files(join(home, "production", service))));
  const states = await Promise.all(paths.flat().map((path) => read<ProcessIdentity>(path)));
  return living(states).map(({ pid }) => pid);
}

function living<T extends ProcessIdentity>(found: (T | null)[]): T[] {
  return found.filter((one): one is T => one !== null && isAlive(one));
}

async function read<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return null;
  }
}
