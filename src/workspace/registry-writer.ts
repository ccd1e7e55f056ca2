import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import type { RegistryFacts } from "#lines/service/facts.ts";
import type { Clock } from "#system/clock.ts";
import { messageOf } from "#system/failure.ts";
import type { Log } from "#system/log.ts";
import { updateRegistry, type RegistryUpdate } from "./registry.ts";
import { says } from "./registry-status.ts";

export type RegistryWriter = {
  /** Notes what the registry should say of a service. What it says already by `listed`, and did last time, is let be. */
  put(service: string, update: RegistryUpdate, listed: RegistryFacts | null): void;
  /** Resolves when all that was put before is in the file, or could not be written, which is said in the log. */
  flush(): Promise<void>;
  /** It is not as it was left here, or was found by the last call: somebody else has saved it. */
  changedByOthers(): Promise<boolean>;
};

/** Writes the registry for many services at once: whatever is put while one write is under way goes with the next. */
export function writeRegistry(
  { log, clock }: { log: Log; clock: Clock },
  { within, path }: { within: string; path: () => string },
): RegistryWriter {
  const said = new Map<string, string>();
  let waiting = new Map<string, RegistryUpdate>();
  let writing = Promise.resolve();
  /** Of the text that was left, or found, last. */
  let last: string | undefined;
  let foreign = false;

  async function write(): Promise<void> {
    const updates = waiting;
    if (updates.size === 0) return;
    waiting = new Map();
    try {
      const { found, left } = await updateRegistry(path(), updates, { within, now: clock.now() });
      // What somebody saved between two of our writes is in the file from here on, and shows in no comparison any more.
      foreign ||= digest(found) !== last;
      last = digest(left);
      for (const [service, update] of updates) said.set(service, JSON.stringify(update));
    } catch (error) {
      log.warn({ services: updates.size, reason: messageOf(error) }, "the registry could not be written");
    }
  }

  return {
    put(service, update, listed) {
      const isThere =
        listed !== null &&
        said.get(service) === JSON.stringify(update) &&
        (update.status === undefined || says(listed.status, update.status, { ours: listed.ours === true })) &&
        (update.port === undefined || listed.port !== null) &&
        (update.freedPort === undefined || listed.port !== update.freedPort);
      if (isThere) waiting.delete(service);
      else waiting.set(service, update);
    },
    flush: () => (writing = writing.then(write)),
    async changedByOthers() {
      await writing;
      const now = digest(await readFile(path()).catch(() => null));
      const changed = foreign || now !== last;
      last = now;
      foreign = false;
      return changed;
    },
  };
}

const digest = (bytes: Buffer | null): string =>
  bytes === null ? "" : createHash("sha256").update(bytes).digest("hex");
