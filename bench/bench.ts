/** One measured number, with enough beside it to judge it and to measure it again. */
export type Figure = {
  /** Stable; the table in the README goes by it. */
  id: string;
  /** What the number is, in a few words. */
  name: string;
  value: number;
  unit: "ms" | "s" | "/s" | "MB";
  /** How many samples `value`, `p50` and `p99` come from. */
  n: number;
  p50?: number;
  p99?: number;
  min?: number;
  max?: number;
  /** Exactly what was measured, and what was not. */
  how: string;
  /** What we promise, where we promise something. */
  goal?: Goal;
};

export type Goal = { text: string; met: boolean };

/** What a bench is given: a folder of its own, and a place to say how to end whatever it starts. */
export type BenchTools = {
  /** Empty, and readable by the user that the embedded database runs as. Removed afterwards. */
  folder: string;
  /** Shared by all benches: the database's programs are copied to it once. */
  stateRoot: string;
  /** Run when the bench ends, fails or is interrupted; the last one given comes first. */
  defer(end: () => Promise<unknown>): void;
  /** To stderr: what is going on. */
  say(text: string): void;
};

export type Bench = {
  name: string;
  about: string;
  run(tools: BenchTools): Promise<Figure[]>;
};
