// The releases of a service: one read-only folder a version, and which of them counts.
import { readdir, rename, rm, symlink } from "node:fs/promises";
import { join } from "node:path";
import { checkVersion, readState, type ServiceFolder } from "./service-folder.ts";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";

export type ReleaseManifest = {
  version: string;
  contentHash: string;
  cutAt: string;
  /** What was installed beside the content, in a person's words; null if nothing had to be. */
  installed: string | null;
  start: string | null;
  healthPath: string | null;
};

export type ServiceRecord = {
  current: string;
  /** Which started release serves it. */
  run: string;
  /** Ended on purpose: nothing brings it back but a deploy or its owner's rollback. */
  stopped: boolean;
  /** Stopped only until Steward comes again. */
  comesBack?: boolean;
  /** Every version that was current, newest last, once. */
  history: { version: string; releasedAt: string; withdrawn: string | null }[];
};

export async function readManifest(folder: ServiceFolder, version: string): Promise<ReleaseManifest | null> {
  return readState<ReleaseManifest>(join(folder.manifests, `${checkVersion(version)}.json`));
}

export async function writeManifest(folder: ServiceFolder, manifest: ReleaseManifest): Promise<void> {
  await writeFileAtomic(join(folder.manifests, `${manifest.version}.json`), `${JSON.stringify(manifest, null, 2)}\n`);
}

export async function readRecord(folder: ServiceFolder): Promise<ServiceRecord | null> {
  return readState<ServiceRecord>(folder.record);
}

/**
 * The one write that makes a version current; the link follows it. Writing the same again changes nothing.
 * `withdrawn` is the version that goes out for a reason: a rollback does not choose it again by itself.
 */
export async function commitRelease(
  folder: ServiceFolder,
  { version, run }: { version: string; run: string },
  withdrawn: { version: string; reason: string } | null = null,
): Promise<void> {
  const history = (await readRecord(folder))?.history ?? [];
  const known = history.some((entry) => entry.version === version);
  const added = known ? history : [...history, { version, releasedAt: new Date().toISOString(), withdrawn: null }];
  // Going back does not make an old version new: it keeps its place, so that "before" means what it did.
  const after = added.map((entry) => {
    if (entry.version === version) return { ...entry, withdrawn: null };
    return entry.version === withdrawn?.version ? { ...entry, withdrawn: withdrawn.reason } : entry;
  });
  await writeRecord(folder, { current: version, run, stopped: false, history: after });
  await pointCurrent(folder, version);
}

export async function markStopped(folder: ServiceFolder, { forGood }: { forGood: boolean }): Promise<void> {
  const record = await readRecord(folder);
  if (record !== null) await writeRecord(folder, { ...record, stopped: true, comesBack: !forGood });
}

/** Where a rollback goes: the newest that was current before this one, still lies here, and was not withdrawn. */
export async function previousRelease(folder: ServiceFolder): Promise<string | null> {
  const record = await readRecord(folder);
  if (record === null) return null;
  const place = record.history.findIndex((entry) => entry.version === record.current);
  const earlier = record.history.slice(0, Math.max(place, 0)).filter((entry) => entry.withdrawn === null);
  for (const { version } of earlier.toReversed()) if ((await readManifest(folder, version)) !== null) return version;
  return null;
}

/** Keeps the newest `keep` releases; the current one, the one to go back to and those in `alsoKeep` whatever their age. */
export async function pruneReleases(folder: ServiceFolder, keep: number, alsoKeep: string[] = []): Promise<string[]> {
  const names = await namesIn(folder.manifests);
  const manifests: ReleaseManifest[] = [];
  for (const name of names) {
    const manifest = name.endsWith(".json") ? await readManifest(folder, name.slice(0, -".json".length)) : null;
    if (manifest !== null) manifests.push(manifest);
  }
  manifests.sort((a, b) => (a.cutAt < b.cutAt ? 1 : -1));
  const record = await readRecord(folder);
  const kept = new Set([record?.current, await previousRelease(folder), ...alsoKeep]);
  for (const { version } of manifests) if (kept.size < keep || kept.has(version)) kept.add(version);
  const gone = manifests.filter(({ version }) => !kept.has(version)).map(({ version }) => version);
  for (const version of gone) await removeRelease(folder, version);
  return gone;
}

/** Removes a release, also a half-made one. The manifest first: what is left of it then counts as unfinished. */
export async function removeRelease(folder: ServiceFolder, version: string): Promise<void> {
  await rm(join(folder.manifests, `${checkVersion(version)}.json`), { force: true });
  await rm(join(folder.releases, version), { recursive: true, force: true });
  for (const name of await namesIn(folder.logs)) {
    if (name === `${version}.log` || name.startsWith(`${version}.log.`))
      await rm(join(folder.logs, name), { force: true });
  }
}

/** The link that people follow. Made beside and renamed over, so that it always points somewhere. */
export async function pointCurrent(folder: ServiceFolder, version: string): Promise<void> {
  const beside = `${folder.current}.new`;
  await rm(beside, { force: true });
  await symlink(join("releases", version), beside);
  await rename(beside, folder.current).catch((error: unknown) => {
    throw new Failure("unavailable", `${folder.current} cannot be replaced: it must be a link of ours, not a folder`, {
      cause: error,
    });
  });
}

async function writeRecord(folder: ServiceFolder, record: ServiceRecord): Promise<void> {
  await writeFileAtomic(folder.record, `${JSON.stringify(record, null, 2)}\n`);
}

async function namesIn(path: string): Promise<string[]> {
  return readdir(path).catch(() => []);
}
