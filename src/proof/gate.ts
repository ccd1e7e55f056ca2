// What a gate is, what it is given, and how its finding becomes a verdict.

import { createHash } from "node:crypto";
import { Failure } from "#system/failure.ts";
import { contentHash } from "./content-hash.ts";
import { red, type Facts, type Finding, type GateName, type Verdict } from "./verdict.ts";

/**
 * The owner's settings, as they stood before the run: an agent's change to them is a proposal, not a setting.
 * Times in milliseconds, sizes in bytes, coverage in percent of lines.
 */
export type GateSettings = {
  stack?: string;
  /** The command that starts the service; where it is stated, no entry file is asked for. */
  start?: string;
  /** The owner's own command, run by `sh -c` in the project's folder. Without it, Steward runs the tests its own way. */
  testCommand?: string;
  coverageFloor: number;
  testTimeoutMs: number;
  installTimeoutMs: number;
  /** Of what the tests print, this much is kept: the first quarter and the last three. */
  outputKeptBytes: number;
  /** Beyond this the run is ended. */
  outputLimitBytes: number;
  copyLimitBytes: number;
  copyLimitFiles: number;
  /** The share of lines, in percent, that new "ignore me" comments may hide from coverage. */
  ignoredLinesLimit: number;
  port?: number;
  healthPath: string;
  healthTimeoutMs: number;
  /** The round's spec changed, so that tests may rightly have gone. */
  allowFewerTests?: boolean;
  /**
   * The owner's version of files that steer the tests, by path in the service: they are written over the clean copy.
   * Of package.json only `scripts` is taken. A path with null must not exist.
   */
  pinnedFiles?: Record<string, string | null>;
};

export const defaultGateSettings: GateSettings = {
  coverageFloor: 80,
  testTimeoutMs: 600_000,
  installTimeoutMs: 300_000,
  outputKeptBytes: 4 << 20,
  outputLimitBytes: 64 << 20,
  copyLimitBytes: 1 << 30,
  copyLimitFiles: 50_000,
  ignoredLinesLimit: 5,
  healthPath: "/health",
  healthTimeoutMs: 5_000,
};

export type GateInput = {
  serviceDir: string;
  settings: GateSettings;
  /** The facts of this item's last tests verdict, red or green: its baseline is what this one is held to. */
  before?: Facts;
  /** An existing folder for this proof alone; what a gate makes in it, it removes. */
  scratchDir: string;
  /** Kept between proofs: installed dependencies. */
  cacheDir: string;
  signal: AbortSignal;
  now: () => Date;
};

export type Gate = { name: GateName; run(input: GateInput): Promise<Verdict> };

/**
 * Makes a gate of a check. The content is hashed before and after: if it changed meanwhile, the finding is about
 * neither version, and the verdict is red and says so.
 */
export function gate(name: GateName, check: (input: GateInput) => Promise<Finding>): Gate {
  return {
    name,
    async run(input) {
      const settings = settingsHash(input.settings);
      const started = performance.now();
      const failed = (kind: "unreadable" | "content_changed", reason: string, hash: string): Verdict => ({
        gate: name,
        contentHash: hash,
        settingsHash: settings,
        ...red(kind, [reason], {
          durationMs: Math.round(performance.now() - started),
          // What is owed stays owed, or a well-timed edit would wipe the slate.
          ...(input.before?.baseline === undefined ? {} : { baseline: input.before.baseline }),
        }),
      });
      try {
        const before = await contentHash(input.serviceDir);
        const finding = await check(input);
        const after = await contentHash(input.serviceDir);
        if (before !== after) {
          const reason = "content changed while it was judged: the verdict holds for neither version; judge it again";
          return failed("content_changed", reason, after);
        }
        return { gate: name, contentHash: before, settingsHash: settings, ...finding };
      } catch (error) {
        // What cannot be read cannot be judged; anything else is a bug of ours and goes up.
        if (error instanceof Failure) return failed("unreadable", error.message, "");
        throw error;
      }
    },
  };
}

/**
 * Left out: what is about one round, how long one waits, and where it answers in production. None is part of what was
 * asked of the content; a port that Steward gives at the first release must not void the verdict that released it.
 */
const NOT_ASKED = ["allowFewerTests", "testTimeoutMs", "installTimeoutMs", "port"];

export function settingsHash(settings: GateSettings): string {
  const asked = Object.fromEntries(Object.entries(settings).filter(([name]) => !NOT_ASKED.includes(name)));
  return createHash("sha256").update(canonical(asked)).digest("hex");
}

function canonical(value: unknown): string {
  return JSON.stringify(value, (_key, inner: unknown) =>
    inner !== null && typeof inner === "object" && !Array.isArray(inner)
      ? Object.fromEntries(Object.entries(inner).toSorted(([a], [b]) => (a < b ? -1 : 1)))
      : inner,
  );
}
