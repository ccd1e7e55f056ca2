import { chmod, copyFile, lstat, mkdir, readdir, readlink, stat, symlink } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { readManifest, removeRelease, writeManifest, type ReleaseManifest } from "./releases.ts";
import { checkVersion, type ServiceFolder } from "./service-folder.ts";
import { codeFolder } from "./start-command.ts";
import { installDependencies } from "./install-dependencies.ts";
import { Failure } from "#system/failure.ts";
import { isInside } from "#system/files.ts";

export type CutRequest = {
  version: string;
  /** The folder with what was proved. */
  content: string;
  /** What the proof's verdict is bound to. */
  contentHash: string;
  hashContent(folder: string): Promise<string>;
  /** True for a path, relative to `content`, that is not part of it. Dependencies, .git and caches never are. */
  exclude?: ((path: string) => boolean) | undefined;
  start?: string | undefined;
  healthPath?: string | undefined;
};

const NEVER_RELEASED = new Set(["node_modules", ".git", ".venv", "__pycache__", ".steward"]);

/**
 * Makes the release's folder: a copy of the proved content, hashed *after* copying, so that what is released is exactly
 * what was judged whatever happened to the original meanwhile; with its production dependencies; read-only.
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
  await copyContent(request.content, release, request.exclude ?? (() => false));
  const copied = await request.hashContent(release);
  if (copied !== contentHash) {
    await removeRelease(folder, version);
    throw new Failure(
      "conflict",
      `${folder.service}: the content to release (${short(copied)}) is not what was proved (${short(contentHash)}): ` +
        `it changed since its tests ran; it needs a new verdict`,
    );
  }
  const code = await codeFolder(release);
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

/** Files and folders, with what may be executed. A link is kept only if it stays inside; devices and sockets are not. */
async function copyContent(from: string, to: string, exclude: (path: string) => boolean): Promise<void> {
  const root = resolve(from);
  if (!(await stat(root).catch(() => null))?.isDirectory()) {
    throw new Failure("not_found", `${from} is not a folder: there is nothing to release`);
  }
  const copyFolder = async (path: string): Promise<void> => {
    await mkdir(join(to, path), { recursive: true });
    for (const entry of await readdir(join(root, path), { withFileTypes: true })) {
      const inner = path === "" ? entry.name : `${path}/${entry.name}`;
      if (NEVER_RELEASED.has(entry.name) || exclude(inner)) continue;
      if (entry.isDirectory()) await copyFolder(inner);
      else if (entry.isFile()) await copyFile(join(root, inner), join(to, inner));
      else if (entry.isSymbolicLink()) await copyLink(root, to, inner);
    }
  };
  await copyFolder("");
}

async function copyLink(root: string, to: string, path: string): Promise<void> {
  const target = await readlink(join(root, path));
  const points = resolve(dirname(join(root, path)), target);
  if (!target.startsWith("/") && isInside(root, points)) await symlink(target, join(to, path));
}

/** Nobody edits production by accident. What a service keeps belongs in DATA_DIR. */
async function makeReadOnly(path: string): Promise<void> {
  const found = await lstat(path);
  if (found.isSymbolicLink()) return;
  if (found.isDirectory()) for (const name of await readdir(path)) await makeReadOnly(join(path, name));
  await chmod(path, found.mode & 0o555);
}

const short = (hash: string) => hash.slice(0, 12);
