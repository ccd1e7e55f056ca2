/** The time, handed in, so that a test can hold it still. */
export type Clock = { now(): Date };

export const systemClock: Clock = { now: () => new Date() };

/** A clock for tests, which moves only when told. */
export function stoppedClock(at: string) {
  let time = new Date(at);
  return {
    now: () => time,
    advance: (milliseconds: number) => (time = new Date(time.getTime() + milliseconds)),
  };
}
