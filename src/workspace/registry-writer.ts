import type { RegistryFacts } from "#lines/service/facts.ts";
import type { Clock } from "#system/clock.ts";
import { messageOf } from "#system/failure.ts";
import type { Log } from "#system/log.ts";
import { says, updateRegistry, type RegistryUpdate } from "./registry.ts";

export type RegistryWriter = {
  /** Notes what the registry should say of a service. What it says already by `listed`, and did last time, is let be. */
  put(service: string, update: RegistryUpdate, listed: RegistryFacts | null): void;
  /** Resolves when all that was put before is in the file, or could not be written, which is said in the log. */
  flush(): Promise<void>;
};

/** Writes the registry for many services at once: whatever is put while one write is under way goes with the next. */
export function writeRegistry(
  { log, clock }: { log: Log; clock: Clock },
  { within, path }: { within: string; path: () => string },
): RegistryWriter {
  const said = new Map<string, string>();
  let waiting = new Map<string, RegistryUpdate>();
  let writing = Promise.resolve();

  async function write(): Promise<void> {
    const updates = waiting;
    if (updates.size === 0) return;
    waiting = new Map();
    try {
      await updateRegistry(path(), updates, { within, now: clock.now() });
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
        (update.status === undefined || says(listed.status, update.status)) &&
        (update.port === undefined || listed.port !== null);
      if (isThere) waiting.delete(service);
      else waiting.set(service, update);
    },
    flush: () => (writing = writing.then(write)),
  };
}
