export type Timers = { set(action: () => void, milliseconds: number): unknown; clear(timer: never): void };

const realTimers: Timers = {
  set: (action, milliseconds) => setTimeout(action, milliseconds).unref(),
  clear: clearTimeout,
};

/** Tells of each key once it has not been touched for `settle` milliseconds. */
export function settleWindow({
  settle,
  settled,
  timers = realTimers,
}: {
  settle: number;
  settled: (key: string) => void;
  timers?: Timers;
}) {
  const waiting = new Map<string, unknown>();
  return {
    touch(key: string): void {
      if (waiting.has(key)) timers.clear(waiting.get(key) as never);
      const done = () => {
        waiting.delete(key);
        settled(key);
      };
      waiting.set(key, timers.set(done, settle));
    },
    has: (key: string): boolean => waiting.has(key),
    clear(): void {
      for (const timer of waiting.values()) timers.clear(timer as never);
      waiting.clear();
    },
  };
}
