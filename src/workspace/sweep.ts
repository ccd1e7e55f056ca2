import type { Log } from "#system/log.ts";
import type { KnownItem } from "./news.ts";

/** Looks under way at once: one reads files while the others wait for the database, which has ten connections. */
const AT_ONCE = 6;
const TELL_EVERY_MS = 5_000;

/**
 * Looks at all services, a few at a time, and has those that are gone marked. In a long sweep, `meanwhile` runs every
 * few seconds and progress is told.
 */
export async function sweepServices({
  names,
  known,
  look,
  gone,
  meanwhile,
  isStopped,
  log,
}: {
  names: readonly string[];
  known: readonly KnownItem[];
  look(name: string, known: KnownItem | null): Promise<void>;
  gone(name: string): Promise<void>;
  meanwhile(): void;
  isStopped(): boolean;
  log: Log;
}): Promise<void> {
  const byName = new Map(known.map((item) => [item.key, item]));
  const left = names.values();
  let done = 0;
  const timer = setInterval(() => {
    meanwhile();
    log.info(`looked at ${done.toLocaleString("en")} of ${names.length.toLocaleString("en")} services`);
  }, TELL_EVERY_MS);
  try {
    const workOff = async () => {
      for (const name of left) {
        if (isStopped()) return;
        await look(name, byName.get(name) ?? null);
        done += 1;
      }
    };
    await Promise.all(Array.from({ length: AT_ONCE }, workOff));
    const there = new Set(names);
    for (const { key, gone: isMarked, hasWork } of known)
      if (!there.has(key) && (!isMarked || hasWork) && !isStopped()) await gone(key);
  } finally {
    clearInterval(timer);
  }
}
