import { chmod, mkdir, readlink, realpath, rename, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, isAbsolute, join, resolve } from "node:path";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { isInside } from "#system/files.ts";
import { stateOf, treeLimits, treeMeter, withoutPrototype, type Baseline, type TreeLimits } from "./baseline.ts";
import { isIgnored, isStewards } from "./kinds-of-files.ts";
import { openRoot, readRegular } from "./open-folder.ts";
import { walkTree, type FoundEntry } from "./walk-tree.ts";

/**
 * Makes a run's own folder: a copy of the service without what is installed, cached or Steward's own. Links are kept
 * where they stay inside and are relative (an absolute one would lead out of the copy, back into the owner's folder);
 * pipes, sockets and devices are left out. `workDir` must not be there yet, or be empty: it appears whole or not at all.
 */
export async function prepareWorkplace({
  serviceDir,
  workDir,
  limits = treeLimits,
}: {
  serviceDir: string;
  workDir: string;
  limits?: TreeLimits;
}): Promise<Baseline> {
  const root = await realpath(serviceDir);
  const meter = treeMeter(`The service in ${serviceDir}`, limits);
  const baseline: Baseline = { files: withoutPrototype({}), links: withoutPrototype({}), root };
  const made = `${workDir}.making`;
  await rm(made, { recursive: true, force: true });
  await mkdir(made, { recursive: true });
  const service = await openRoot(root);
  try {
    await walkTree(service, {
      enter: (path) => !isIgnored(path) && !isStewards(path),
      unreadable: (path) => {
        throw new Failure("invalid", `${join(serviceDir, path)} cannot be read: give Steward's user the right to.`);
      },
      found: async (entry) => {
        if (isIgnored(entry.path)) return;
        if (entry.kind === "file") await copyFile(entry);
        if (entry.kind === "link") await copyLink(entry);
      },
    });
    await moveInto(made, workDir);
  } catch (error) {
    await rm(made, { recursive: true, force: true });
    throw hasErrorCode(error, "ENOSPC", "EDQUOT")
      ? new Failure("unavailable", `No room for a copy of ${serviceDir} in ${dirname(workDir)}: free some.`, {
          cause: error,
        })
      : error;
  } finally {
    await service.close();
  }
  return baseline;

  async function copyFile({ path, name, folder }: FoundEntry): Promise<void> {
    const read = await readRegular(folder, name, limits.fileBytes).catch(nullIfGone);
    if (read === null) return;
    if (!read)
      throw new Failure(
        "invalid",
        `${join(serviceDir, path)} is larger than ${limits.fileBytes / 2 ** 20} MiB: keep it out of the service's folder.`,
      );
    meter(read.bytes.length);
    const target = join(made, path);
    await mkdir(dirname(target), { recursive: true });
    await writeFile(target, read.bytes);
    if (read.stats.mode & 0o100) await chmod(target, 0o755);
    baseline.files[path] = stateOf(read.bytes, read.stats.mode);
  }

  async function copyLink({ path, name, folder }: FoundEntry): Promise<void> {
    const target = await readlink(folder.at(name));
    if (!(await staysInside(join(root, path), target, root))) return;
    await mkdir(dirname(join(made, path)), { recursive: true });
    await symlink(target, join(made, path));
    baseline.links[path] = target;
  }
}

/** A file that is saved whole, as editors do, vanishes for a moment under its temporary name. */
function nullIfGone(error: unknown): null {
  if (hasErrorCode(error, "ENOENT")) return null;
  throw error;
}

/** As written and as followed: what is written may pass through another link. One that leads nowhere is left out. */
async function staysInside(link: string, target: string, root: string): Promise<boolean> {
  if (isAbsolute(target) || !isInside(root, resolve(dirname(link), target))) return false;
  try {
    return isInside(root, await realpath(link));
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ELOOP", "EACCES", "ENOTDIR")) return false;
    throw error;
  }
}

async function moveInto(made: string, workDir: string): Promise<void> {
  try {
    await rename(made, workDir);
  } catch (error) {
    if (!hasErrorCode(error, "ENOTEMPTY", "EEXIST", "ENOTDIR")) throw error;
    throw new Failure("conflict", `The work folder ${workDir} is in use: give each run its own.`);
  }
}
