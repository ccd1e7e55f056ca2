import { mkdir, readFile, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Settings } from "#config.ts";
import { tryLock } from "#db/embedded/lock.ts";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { isAlive, ownIdentity, type ProcessIdentity } from "#system/processes.ts";

type Keeper = ProcessIdentity & { home: string };

/**
 * One server keeps a workspace. Two with different homes (such as one started with sudo) would each have a database and
 * send an agent of their own to the same service, so the living one is named in the workspace. A pid without its start
 * time proves nothing, and one of another boot is dead. Returns what takes the name away again.
 */
export async function keepAlone({ workspace, home }: Settings): Promise<{ leave(): Promise<void> }> {
  const path = join(workspace, ".steward", "house.json");
  const other = await readJson<Keeper>(path);
  if (other && other.home !== home && isAlive(other)) {
    throw new Failure(
      "conflict",
      `Another Steward (process ${other.pid}) keeps this workspace, from ${other.home}. End it with \`steward down\` as the user who started it.`,
    );
  }
  // The file is written and read; the lock is taken, so that of two in the same moment one is refused.
  await mkdir(dirname(path), { recursive: true });
  const held = await tryLock(join(dirname(path), "house.lock"));
  if (!held)
    throw new Failure(
      "conflict",
      `Steward is already starting on this workspace, or just ending: ask \`steward status\`.`,
    );
  const us = { ...ownIdentity(), home };
  await writeFileAtomic(path, `${JSON.stringify(us, null, 2)}\n`);
  return {
    async leave() {
      const now = await readJson<Keeper>(path);
      if (now?.pid === us.pid && now.startTime === us.startTime) await rm(path, { force: true });
      await held.release();
    },
  };
}

/** A home is one workspace's: its releases, runs and keys would be another's otherwise. */
export async function refuseForeignHome({ workspace, home }: Settings, tenantId: string): Promise<void> {
  await mkdir(home, { recursive: true });
  const path = join(home, "workspace.json");
  const kept = await readJson<{ id: string; workspace: string }>(path);
  if (kept && kept.id !== tenantId) {
    throw new Failure(
      "conflict",
      `${home} belongs to the workspace ${kept.workspace}. Give ${workspace} another STEWARD_HOME, or leave it out.`,
    );
  }
  if (kept?.workspace !== workspace) await writeFileAtomic(path, `${JSON.stringify({ id: tenantId, workspace })}\n`);
}

async function readJson<T>(path: string): Promise<T | null> {
  try {
    return JSON.parse(await readFile(path, "utf8")) as T;
  } catch {
    return null;
  }
}
