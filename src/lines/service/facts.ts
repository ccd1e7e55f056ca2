import type { ServiceSettings } from "#proof/service-settings.ts";
import type { Verdict } from "#proof/verdict.ts";

/** What was last seen of a service's folder. Read by workspace/, judged by `detectPhase`. */
export type SeenFacts = {
  name: string;
  /** Absolute. */
  path: string;
  /** Null if the folder could be read, else why not. */
  unreadable: string | null;
  spec: SpecFacts | null;
  code: CodeFacts | null;
  /** How many files of tests there are. */
  tests: number;
  /** What shows that it is in production, as words: "PRODUCTION/ exists". Empty: it is not. */
  production: string[];
  registry: RegistryFacts | null;
  /** The README's claim that somebody is building it. */
  claim: BuildClaim | null;
  settings: ServiceSettings;
  /** What could not be read or made sense of, though the service as a whole could. */
  problems: string[];
};

export type SpecFacts = {
  /** As it is called there: "SPEC.md", "docs/specs.md". */
  file: string;
  title: string | null;
  complete: boolean;
  reasons: string[];
  /** Null if it cannot be read. A spec written less than a settle window ago may be half a spec. */
  writtenAt: Date | null;
  /** Null if it could be read, else why not; then nothing else is known of it. */
  unreadable: string | null;
};

export type CodeFacts = {
  /** "BUILD/", or "" for the service's own folder. */
  root: string;
  stack: string | null;
  /** Files that the stack needs and that are not there, each with its reason. */
  missing: { file: string; reason: string }[];
};

/** `status`, `owner` and `url` as the registry has them. */
export type RegistryFacts = {
  name: string;
  status: string | null;
  owner: string | null;
  port: number | null;
  url: string | null;
  /** The status is Steward's own word of another day: it is no sign that anything serves. */
  ours?: boolean;
  /** What stands there and is not what it must be; each one a sentence. It counts as not said. */
  problems?: readonly string[];
};

export type BuildClaim = {
  /** The line, as it stands. */
  text: string;
  /** When the README was last written. */
  at: Date;
  /** Written by Steward itself, whose running system knows better than its own old line. */
  ours: boolean;
};

/** What only a running Steward knows; an offline scan has `nothingKnown`, with a stored verdict if there is one. */
export type KnownFacts = {
  /** A running Steward is asking, so that no live run means that there is none. */
  running: boolean;
  liveRun: { agent: string; capability: string; since: Date } | null;
  /** Of the tests gate, for the content as it is now. */
  verdict: Pick<Verdict, "ok" | "reasons" | "facts"> | null;
  /** A release of Steward's own that serves; in words. */
  deployed: string | null;
  /** The version that serves, where a hired agent deployed it: Steward probes it, and does not run it. */
  hired: string | null;
  probe: { healthy: boolean; reasons: string[] } | null;
  /** Restarts and rollback did not help, or are not Steward's to make: now somebody must mend it. */
  recoveryExhausted: boolean;
  /** A round that began while it was in production; `specChange` says what the spec now asks that was not built. */
  openRound: { specChange: string | null } | null;
  /** The owner lets agents write specs. */
  draftingAllowed: boolean;
  /** Steward deploys it itself. */
  hasDeployTarget: boolean;
};

export const nothingKnown: KnownFacts = {
  running: false,
  liveRun: null,
  verdict: null,
  deployed: null,
  hired: null,
  probe: null,
  recoveryExhausted: false,
  openRound: null,
  draftingAllowed: false,
  hasDeployTarget: false,
};

export type ServiceFacts = { seen: SeenFacts; known: KnownFacts };
