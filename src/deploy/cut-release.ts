import { chmod, readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { readManifest, removeRelease, writeManifest, type ReleaseManifest } from "./releases.ts";
import { checkVersion, type ServiceFolder } from "./service-folder.ts";
import { codeFolder } from "./start-command.ts";
import { installDependencies } from "./install-dependencies.ts";
import { cleanCopy } from "#proof/clean-copy.ts";
import { Failure } from "#system/failure.ts";

export type CutRequest = {
  version: string;
  /** The folder with what was proved. */
  content: string;
  /** What the proof's verdict is bound to. */
  contentHash: string;
  hashContent(folder: string): Promise<string>;
  start?: string | undefined;
  healthPath?: string | undefined;
};

/** Far above any service; below what fills a disk by mistake. */
const COPY_LIMITS = { copyLimitBytes: 4 * 1024 ** 3, copyLimitFiles: 500_000 };

/**
 * Makes the release's folder: a copy of the proved content, hashed *after* copying, so that what is released is exactly
 * what was judged whatever happened to the original meanwhile; with its production dependencies; its files read-only.
 * The manifest is written last: a cut that was broken off is done anew, one that is complete is used as it is.
 */
export async function cutRelease(
  folder: ServiceFolder,
  request: CutRequest,
  { environment }: { environment: Record<string, string> },
): Promise<ReleaseManifest> {
  const { version, contentHash } = request;
  const release = join(folder.releases, checkVersion(version));
  const before = await readManifest(folder, version);
  if (before !== null) return checkCut(before, release, request);

  await removeRelease(folder, version);
  try {
    await copyContent(folder.service, request.content, release);
  } catch (error) {
    await removeRelease(folder, version);
    throw error;
  }
  const copied = await request.hashContent(release);
  if (copied !== contentHash) {
    await removeRelease(folder, version);
    throw new Failure(
      "conflict",
      `${folder.service}: the content to release (${short(copied)}) is not what was proved (${short(contentHash)}): ` +
        `it changed since its tests ran; it needs a new verdict`,
    );
  }
  const code = codeFolder(release);
  const installed = await installDependencies(join(release, code), environment);
  await makeReadOnly(release);
  const manifest: ReleaseManifest = {
    version,
    contentHash,
    cutAt: new Date().toISOString(),
    installed,
    start: request.start ?? null,
    healthPath: request.healthPath ?? null,
  };
  await writeManifest(folder, manifest);
  return manifest;
}

async function checkCut(manifest: ReleaseManifest, release: string, { version, contentHash, hashContent }: CutRequest) {
  if (manifest.contentHash !== contentHash) {
    throw new Failure(
      "conflict",
      `Release ${version} was cut from other content (${short(manifest.contentHash)}, not ${short(contentHash)}): ` +
        `give the new content a version of its own`,
    );
  }
  if ((await hashContent(release)) !== contentHash) {
    throw new Failure("conflict", `Release ${version} was changed after it was cut: ${release} is not what was proved`);
  }
  return manifest;
}

/** What the verdict is about and nothing else. A link that leads outside would be another file on another day. */
async function copyContent(service: string, content: string, release: string): Promise<void> {
  if (!(await stat(content).catch(() => null))?.isDirectory()) {
    throw new Failure("not_found", `${content} is not a folder: there is nothing to release`);
  }
  const { left } = await cleanCopy(content, release, COPY_LIMITS);
  if (left.length === 0) return;
  throw new Failure("invalid", `${service} cannot be released with links that lead outside of it: ${left.join("; ")}`);
}

/**
 * Nobody edits production by accident; what a service keeps belongs in DATA_DIR. Folders stay writable: a tree of
 * folders that are not cannot be removed by its own owner, short of chmod.
 */
async function makeReadOnly(folder: string): Promise<void> {
  for (const entry of await readdir(folder, { withFileTypes: true })) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) await makeReadOnly(path);
    else if (entry.isFile()) await chmod(path, (await stat(path)).mode & 0o555);
  }
}

const short = (hash: string) => hash.slice(0, 12);
