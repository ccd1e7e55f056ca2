import { basename } from "node:path";
import { Failure, messageOf } from "#system/failure.ts";
import { editFile, type EditOptions } from "./edit-file.ts";
import { addItems, applyPatches, memberOf, setKeys, type Patch } from "./json-edit.ts";
import { locateJson, type JsonPlace } from "./json-places.ts";
import { isStewardsWord, says } from "./registry-status.ts";
import { indexPlaces, loose, registryKeys, servicesPlace } from "./registry-entries.ts";

/** What Steward keeps in the registry. All else in it is the owner's. */
export type RegistryUpdate = {
  status?: string;
  phase?: string;
  /** Written only where the registry has none. */
  port?: number;
  /** One that Steward wrote here once: taken out where it still stands. */
  freedPort?: number;
};

/**
 * Brings the registry up to date: for each service its status and phase, its port where none is written, and when that
 * changed. Everything else stays byte for byte, other people's changes meanwhile included. A service that is not listed is
 * added. Resolves to what it said before and says now. Fails with "invalid", and leaves the file alone, if it is not JSON.
 */
export async function updateRegistry(
  path: string,
  updates: ReadonlyMap<string, RegistryUpdate>,
  { now, ...options }: EditOptions & { now: Date },
): Promise<{ found: Buffer | null; left: Buffer | null }> {
  const ends: { found: Buffer | null; left: Buffer | null } = { found: null, left: null };
  await editFile(path, options, (bytes) => {
    const text = bytes === null ? "{}\n" : decoded(bytes, path);
    ends.found = bytes;
    return (ends.left = Buffer.from(patchRegistry(text, updates, { now, path })));
  });
  return ends;
}

/** The registry's text with the updates in it. The same text if they are in it already. */
export function patchRegistry(
  text: string,
  updates: ReadonlyMap<string, RegistryUpdate>,
  { now, path = "SERVICE_REGISTRY.json" }: { now: Date; path?: string },
): string {
  const root = located(text, path);
  const place = servicesPlace(root);
  if (place === null)
    throw new Failure("invalid", `${path} is neither an object nor a list of services. It is left as it is.`);
  const find = indexPlaces(place);
  const patches: Patch[] = [];
  const added: [string, RegistryUpdate][] = [];
  const touched = new Set<unknown>();
  const later = new Map<string, RegistryUpdate>();
  for (const [service, update] of updates) {
    const entry = find(service);
    if (entry === "taken") continue;
    // Two folders may share an entry: the second one is made to what the first one left.
    if (touched.has(entry ?? loose(service))) later.set(service, update);
    else if (entry === null) added.push([service, update]);
    else patches.push(...changed(text, entry, update, now));
    touched.add(entry ?? loose(service));
  }
  if (added.length > 0) patches.push(...adding(text, place, added, now));
  const result = applyPatches(text, patches);
  return later.size === 0 ? result : patchRegistry(result, later, { now, path });
}

function changed(
  text: string,
  entry: JsonPlace,
  { status, phase, port, freedPort }: RegistryUpdate,
  now: Date,
): Patch[] {
  const values: Record<string, unknown> = {};
  const statusKey = keyOf(entry, registryKeys.status) ?? "status";
  const written = memberOf(entry, statusKey)?.place.value;
  const phaseWas = memberOf(entry, "phase")?.place.value;
  const ours = isStewardsWord(written, phaseWas);
  if (status !== undefined && !says(written, status, { ours }) && isPlain(written)) values[statusKey] = status;
  if (phase !== undefined && phaseWas !== phase && isPlain(phaseWas)) values.phase = phase;
  const portKey = keyOf(entry, registryKeys.port) ?? "port";
  const portWas = memberOf(entry, portKey)?.place.value ?? null;
  if (port !== undefined && portWas === null) values[portKey] = port;
  if (freedPort !== undefined && portWas === freedPort) values[portKey] = null;
  if (Object.keys(values).length === 0) return [];
  const updatedKey = keyOf(entry, updatedKeys) ?? "updated";
  if (isPlain(memberOf(entry, updatedKey)?.place.value)) values[updatedKey] = now.toISOString();
  return setKeys(text, entry, values);
}

function adding(text: string, place: JsonPlace, services: [string, RegistryUpdate][], now: Date): Patch[] {
  const entries = services.map(
    ([name, { freedPort: _freed, ...update }]) => [name, { ...update, updated: now.toISOString() }] as const,
  );
  if (place.items !== undefined)
    return [
      addItems(
        text,
        place,
        entries.map(([name, entry]) => ({ name, ...entry })),
      ),
    ];
  return setKeys(text, place, Object.fromEntries(entries));
}

/** An object or a list is somebody's own notes, whatever its key: it is not replaced by a word. */
const isPlain = (value: unknown): boolean => typeof value !== "object" || value === null;

const updatedKeys = ["updated", "updated_at", "updatedAt", "last_updated", "lastUpdated"];

const keyOf = (entry: JsonPlace, keys: readonly string[]): string | undefined =>
  keys.find((key) => memberOf(entry, key) !== undefined);

function located(text: string, path: string): JsonPlace {
  try {
    return locateJson(text);
  } catch (error) {
    throw new Failure(
      "invalid",
      `${basename(path)} is not JSON: ${messageOf(error)}. It is left as it is; mend it by hand.`,
    );
  }
}

function decoded(bytes: Buffer, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes);
  } catch {
    throw new Failure("invalid", `${basename(path)} is not UTF-8. It is left as it is; save it as UTF-8.`);
  }
}
