import { constants } from "node:fs";
import { access, statfs } from "node:fs/promises";
import { dirname } from "node:path";
import { isInside } from "#system/files.ts";
import { fail, ok, warn, type Finding, type Patient } from "./finding.ts";

/** Postgres needs about 60 MiB to begin with, and each proof and release a copy of its service. */
const SPACE = { leastMiB: 200, wishedMiB: 2_048 };

/** Steward's own folder: writable, outside of the workspace, with room. */
export async function checkState({ settings: { home, workspace } }: Patient): Promise<Finding[]> {
  if (isInside(workspace, home)) {
    return [fail("state", `${home} lies inside the workspace`, "set STEWARD_HOME to a folder outside of it")];
  }
  const there = await nearestThere(home);
  try {
    await access(there, constants.W_OK | constants.X_OK);
  } catch {
    return [fail("state", `${there} is not writable`, "make it writable, or set STEWARD_STATE to a folder that is")];
  }
  return [ok("state", home), await space(there)];
}

async function space(folder: string): Promise<Finding> {
  const { bavail, bsize } = await statfs(folder);
  const free = Math.floor((bavail * bsize) / 1024 / 1024);
  const found = free >= 10_240 ? `${Math.floor(free / 1024)} GiB free` : `${free} MiB free`;
  if (free < SPACE.leastMiB) return fail("disk", found, `make room there: at least ${SPACE.leastMiB} MiB`);
  return free < SPACE.wishedMiB
    ? warn("disk", found, "make room soon: proofs and releases need copies")
    : ok("disk", found);
}

async function nearestThere(folder: string): Promise<string> {
  for (let at = folder; ; at = dirname(at)) {
    const there = await access(at).then(
      () => true,
      () => false,
    );
    if (there || dirname(at) === at) return at;
  }
}
