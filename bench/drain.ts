/**
 * A queue that can be filled and drained. All are drained with the same two connections, and by ten where the library
 * takes more than one at a time.
 */
export type Drain = {
  name: string;
  how: string;
  /** Puts in that many jobs that do nothing. Not timed. */
  fill(jobs: number): Promise<void>;
  /** Takes and completes them all. Timed from the first statement to the last one's answer. */
  drain(jobs: number): Promise<void>;
  /** Finishes what may lag behind, such as sealing, before the next round begins. Timed apart. */
  settle?(): Promise<void>;
  close(): Promise<void>;
};

export const CONNECTIONS = 2;
export const BATCH = 10;

/** Runs `round` on as many claimers as there are connections, each until its round finds nothing. */
export async function onEveryConnection(round: (claimer: number) => Promise<number>): Promise<number> {
  const each = Array.from({ length: CONNECTIONS }, async (_, claimer) => {
    let done = 0;
    for (;;) {
      const count = await round(claimer);
      if (count === 0) return done;
      done += count;
    }
  });
  return (await Promise.all(each)).reduce((sum, one) => sum + one, 0);
}

export function expectAll(name: string, done: number, jobs: number): void {
  if (done !== jobs) throw new Error(`${name} completed ${done} of ${jobs} jobs`);
}
