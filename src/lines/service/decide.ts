import type { PhaseVerdict, ServicePhase } from "./phase.ts";
import { count } from "#system/count.ts";

/** What a stage asks for. A prover and a deployer are Steward itself: nobody is hired for these. */
export type Step = {
  kind: "spec" | "build" | "tests" | "fix" | "prove" | "deploy";
  capability: "architect" | "builder" | "tester" | "fixer" | "devops" | "prover" | "deployer";
  title: string;
  /** What it is for: while a live ticket has it, or one that failed since the owner's last word, it is not asked again. */
  purpose: string;
};

export type Decision = {
  /** The rule that decided, as it is stored. */
  rule: string;
  does: "nothing" | "wait" | "ask" | "ticket";
  /** One sentence for a person. */
  why: string;
  step?: Step;
};

/** What has happened to this item so far, as far as the next step depends on it. */
export type History = {
  name: string;
  round: number;
  /** Of the round's spec, and of all that the service is made of. */
  specHash: string | null;
  contentHash: string | null;
  /** Of the settings by which it is judged. */
  gateHash: string;
  /** Of what decides how its release fares beside the content. */
  releaseHash: string;
  /** The ticket that is ready or being worked on, if there is one. */
  live: { kind: string; purpose: string; claimed: boolean } | null;
  /** Purposes of tickets that used up their attempts since the owner's last word. */
  failed: ReadonlyMap<string, string>;
  /** How often tickets of a purpose were done since the owner's last word, and it is still what is wanted. */
  done: ReadonlyMap<string, number>;
  /** Fixes reported since the owner's last word that did not make the tests pass. */
  fixes: number;
  /** The version that serves, where a hired agent deployed it. */
  hired: string | null;
  /** Repairs of such a production that were done since the owner's last word, in the last REPAIR_WINDOW_MS. */
  repairs: number;
};

/** After this many fixes that did not help, a person is asked: more of the same only costs. */
export const FIX_LIMIT = 5;

/** What a hired agent deployed and had to bring back this often falls again for a reason that only a person finds. */
export const REPAIR_LIMIT = 3;
export const REPAIR_WINDOW_MS = 24 * 60 * 60_000;

/** The same work on the same content, done twice, is not done better a third time. */
export const NO_PROGRESS_LIMIT = 2;

/**
 * What to do next with a service: a pure function of its phase and its history, so that it can be replayed over the
 * ledger. At most one ticket lives per item: a claimed one is left to end, a ready one gives way when it is for
 * something that is no longer wanted.
 */
export function decideService({ phase, needs, reasons }: PhaseVerdict, history: History): Decision {
  const step = stepFor(phase, needs, history);
  if (step === null) {
    const asks = ["UNKNOWN", "NEEDS_SPEC", "SPEC_INCOMPLETE", "TESTS_FAILING"].includes(phase);
    const rule = `service.${phase.toLowerCase()}`;
    return { rule, does: asks ? "ask" : "nothing", why: reasons[0] ?? phase };
  }
  if (history.live?.claimed)
    return { rule: "service.one_at_a_time", does: "wait", why: `${history.live.kind} is being worked on` };
  const failure = history.failed.get(step.purpose);
  if (failure !== undefined) {
    return {
      rule: "service.attempts_used_up",
      does: "ask",
      why: `${step.kind} failed for good: ${failure}. \`steward run ${history.name}\` tries again`,
    };
  }
  if ((history.done.get(step.purpose) ?? 0) >= NO_PROGRESS_LIMIT) {
    return {
      rule: "service.no_progress",
      does: "ask",
      why: `${step.kind} was done ${NO_PROGRESS_LIMIT} times and nothing changed: ${reasons[0] ?? phase}`,
    };
  }
  if (step.kind === "fix" && history.fixes >= FIX_LIMIT) {
    return {
      rule: "service.fix_limit",
      does: "ask",
      why: `${count(history.fixes, "fix", "fixes")} did not make it pass. Change it yourself, or \`steward run ${history.name}\` tries again`,
    };
  }
  if (phase === "UNHEALTHY" && step.kind === "deploy" && history.repairs >= REPAIR_LIMIT) {
    return {
      rule: "service.repair_limit",
      does: "ask",
      why: `it was brought back ${count(history.repairs, "time")} in 24 h and fell again: ${reasons[0] ?? phase}. \`steward run ${history.name}\` tries again`,
    };
  }
  return { rule: `service.${phase.toLowerCase()}`, does: "ticket", why: reasons[0] ?? phase, step };
}

function stepFor(
  phase: ServicePhase,
  needs: PhaseVerdict["needs"],
  { name, round, specHash, contentHash, gateHash, releaseHash, hired }: History,
): Step | null {
  const spec = short(specHash);
  const content = `${short(contentHash)} judged by ${gateHash.slice(0, 8)}`;
  switch (phase) {
    case "NEEDS_SPEC":
    case "SPEC_INCOMPLETE":
      return needs === null
        ? null
        : { kind: "spec", capability: "architect", title: `SPEC NEEDED: ${name}`, purpose: `spec ${content}` };
    case "READY_FOR_BUILD":
      return {
        kind: "build",
        capability: "builder",
        title: `BUILD ASSIGNED: ${name}`,
        purpose: `build round ${round} spec ${spec}`,
      };
    case "BUILD_INCOMPLETE":
      return {
        kind: "build",
        capability: "builder",
        title: `BUILD TO FINISH: ${name}`,
        purpose: `finish round ${round} content ${content}`,
      };
    case "NEEDS_TESTS":
      return {
        kind: "tests",
        capability: "tester",
        title: `TESTS NEEDED: ${name}`,
        purpose: `tests round ${round} content ${content}`,
      };
    case "READY_FOR_TEST":
      return {
        kind: "prove",
        capability: "prover",
        title: `PROVE: ${name}`,
        purpose: `prove round ${round} content ${content}`,
      };
    case "TESTS_FAILING":
      return needs === null
        ? null
        : {
            kind: "fix",
            capability: "fixer",
            title: `FIX ASSIGNED: ${name}`,
            purpose: `fix round ${round} content ${content}`,
          };
    case "READY_FOR_DEPLOY":
      return {
        kind: "deploy",
        capability: needs === "devops" ? "devops" : "deployer",
        title: `DEPLOY: ${name}`,
        // Declaring a target changes whose work it is: the ticket for a hired one gives way.
        purpose: `deploy by ${needs === "devops" ? "devops" : "steward"} round ${round} content ${content} released as ${releaseHash.slice(0, 8)}`,
      };
    case "UNHEALTHY":
      if (needs === "devops") {
        return {
          kind: "deploy",
          capability: "devops",
          title: `REPAIR ASSIGNED: ${name}`,
          // What it brings back is another version, so that each outage is a repair of its own.
          purpose: `${REPAIR_PURPOSE} of ${hired} content ${content}`,
        };
      }
      return needs === null
        ? null
        : {
            kind: "fix",
            capability: "fixer",
            title: `REPAIR ASSIGNED: ${name}`,
            purpose: `repair round ${round} content ${content}`,
          };
    case "UNKNOWN":
    case "PRODUCTION":
    case "BUILD_IN_PROGRESS":
      return null;
  }
}

/** Begins the purpose of every ticket that brings back what a hired agent deployed. */
export const REPAIR_PURPOSE = "repair by devops";

const short = (hash: string | null): string => hash?.slice(0, 16) ?? "none";

/** Capabilities that Steward fills itself: such work does not make an item "being built", and changes nobody's files. */
export const OWN_CAPABILITIES: readonly string[] = ["prover", "deployer"];
