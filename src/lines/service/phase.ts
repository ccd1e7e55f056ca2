import type { RedKind } from "#proof/verdict.ts";
import type { BuildClaim, ServiceFacts } from "./facts.ts";
import { count } from "#system/count.ts";

/** The columns of the service line's board. */
export const serviceStages = ["SPECS", "BUILD", "TEST", "PRODUCTION"] as const;
export type ServiceStage = (typeof serviceStages)[number];

export const servicePhases = [
  "UNKNOWN",
  "UNHEALTHY",
  "PRODUCTION",
  "NEEDS_SPEC",
  "SPEC_INCOMPLETE",
  "BUILD_IN_PROGRESS",
  "READY_FOR_BUILD",
  "BUILD_INCOMPLETE",
  "NEEDS_TESTS",
  "READY_FOR_TEST",
  "TESTS_FAILING",
  "READY_FOR_DEPLOY",
] as const;
export type ServicePhase = (typeof servicePhases)[number];

export type ServiceCapability = "architect" | "builder" | "tester" | "fixer" | "devops";

export type PhaseVerdict = {
  phase: ServicePhase;
  stage: ServiceStage;
  /** Who is to do the next step; null: nobody, Steward itself, or the owner (the reasons say which). */
  needs: ServiceCapability | null;
  /** Never empty; the first says why this phase, the rest what else is wrong. */
  reasons: string[];
};

export type PhaseContext = {
  now: Date;
  /** A README's claim to be building is believed this long after it was written, in milliseconds. */
  claimFreshFor?: number;
};

const claimFreshFor = 24 * 60 * 60 * 1000;

/** Which phase a service is in: the rules in their order, the first that speaks wins. Pure. */
export function detectPhase(facts: ServiceFacts, context: PhaseContext): PhaseVerdict {
  for (const rule of rules) {
    const found = rule(facts, context);
    if (found !== null) return { ...found, reasons: [...new Set([...found.reasons, ...facts.seen.problems])] };
  }
  throw new Error("The last rule always speaks.");
}

type Rule = (facts: ServiceFacts, context: PhaseContext) => PhaseVerdict | null;

const unknown: Rule = ({ seen }) =>
  seen.unreadable === null ? null : verdict("UNKNOWN", "SPECS", null, [seen.unreadable]);

const unhealthy: Rule = (facts) => {
  const { probe, recoveryExhausted, openRound, hired, verdict: judged } = facts.known;
  const signs = productionSigns(facts);
  if (signs.length === 0 || probe === null || probe.healthy) return null;
  // Beyond recovery and changed since: what was mended is tested and released like any other round.
  if (recoveryExhausted && openRound !== null) return null;
  if (hired !== null) {
    // Whoever deployed it can start it again; what its content is at fault for only a fixer mends.
    const mender = judged?.ok === false ? "fixer" : "devops";
    const next = "a hired agent deployed it, so Steward does not restart it: a repair is asked for";
    return verdict("UNHEALTHY", "PRODUCTION", recoveryExhausted ? mender : null, [...probe.reasons, next, ...signs]);
  }
  const next = recoveryExhausted
    ? "restarts and rollback did not help: it needs a repair"
    : "Steward recovers it: restart, then rollback";
  return verdict("UNHEALTHY", "PRODUCTION", recoveryExhausted ? "fixer" : null, [...probe.reasons, next, ...signs]);
};

const production: Rule = (facts) => {
  const { probe, openRound } = facts.known;
  const signs = productionSigns(facts);
  if (signs.length === 0 || openRound !== null) return null;
  const health = probe === null ? ["its health was not probed"] : ["healthy", ...probe.reasons];
  return verdict("PRODUCTION", "PRODUCTION", null, [...signs, ...health]);
};

/** After production: what runs there goes on being watched though its spec cannot be read. */
const unreadableSpec: Rule = ({ seen }) => {
  const unreadable = seen.spec?.unreadable ?? null;
  return unreadable === null ? null : verdict("UNKNOWN", "SPECS", null, [unreadable]);
};

const needsSpec: Rule = ({ seen, known }) =>
  seen.spec !== null
    ? null
    : verdict("NEEDS_SPEC", "SPECS", known.draftingAllowed ? "architect" : null, [
        "there is no SPEC.md",
        ...(known.draftingAllowed ? [] : [seen.code === null ? writeIt : writeItForTheCode]),
      ]);

const specIncomplete: Rule = ({ seen, known }) =>
  seen.spec!.complete
    ? null
    : verdict("SPEC_INCOMPLETE", "SPECS", known.draftingAllowed ? "architect" : null, seen.spec!.reasons);

const buildInProgress: Rule = ({ seen, known }, { now, claimFreshFor: freshFor = claimFreshFor }) => {
  if (known.liveRun !== null) {
    const { agent, capability, since } = known.liveRun;
    return verdict("BUILD_IN_PROGRESS", "BUILD", null, [
      `${agent} works on it as ${capability} since ${since.toISOString()}`,
    ]);
  }
  const { claim } = seen;
  if (claim === null || (claim.ours && known.running) || !isFresh(claim, now, freshFor)) return null;
  return verdict("BUILD_IN_PROGRESS", "BUILD", null, [
    `README says "${claim.text}", written ${claim.at.toISOString()}: it is believed for ${Math.round(freshFor / 3_600_000)} h`,
  ]);
};

const readyForBuild: Rule = ({ seen, known }, context) => {
  const change = known.openRound?.specChange ?? null;
  if (seen.code !== null && change === null) return null;
  const { file } = seen.spec!;
  const why =
    seen.code === null
      ? `${file} is complete and there is no code yet`
      : `${file} changed since it was built: ${change}`;
  return verdict("READY_FOR_BUILD", "BUILD", "builder", [why, ...staleClaim(seen.claim, context)]);
};

const buildIncomplete: Rule = ({ seen }, context) =>
  seen.code!.missing.length === 0
    ? null
    : verdict("BUILD_INCOMPLETE", "BUILD", "builder", [
        ...seen.code!.missing.map(({ reason }) => reason),
        ...staleClaim(seen.claim, context),
      ]);

const needsTests: Rule = ({ seen, known }) => {
  if (known.verdict !== null && !known.verdict.ok && meaning(known.verdict.facts.kind) === "too few tests") {
    return verdict("NEEDS_TESTS", "TEST", "tester", known.verdict.reasons);
  }
  // A stated command may run tests that live where nobody would look for them.
  if (seen.tests > 0 || seen.settings.test !== undefined) return null;
  return verdict("NEEDS_TESTS", "TEST", "tester", [
    `there are no tests: put them in ${seen.code!.root}tests/, or state the test command in steward.yaml`,
  ]);
};

const readyForTest: Rule = ({ seen, known }) => {
  if (known.verdict === null) {
    const tests = seen.tests === 0 ? "a test command is stated" : `${count(seen.tests, "file")} of tests`;
    return verdict("READY_FOR_TEST", "TEST", null, [
      `${tests}, and no verdict for this content yet: Steward runs them`,
    ]);
  }
  if (known.verdict.ok || meaning(known.verdict.facts.kind) !== "not judged") return null;
  return verdict("READY_FOR_TEST", "TEST", null, known.verdict.reasons);
};

const testsFailing: Rule = ({ known }) => {
  const { ok, reasons, facts } = known.verdict!;
  // What its owner took back waits for its owner.
  return ok ? null : verdict("TESTS_FAILING", "TEST", facts.kind === "taken_back" ? null : "fixer", reasons);
};

const readyForDeploy: Rule = ({ known }) =>
  verdict("READY_FOR_DEPLOY", "TEST", known.hasDeployTarget ? null : "devops", [
    ...known.verdict!.reasons,
    known.hasDeployTarget ? "its tests pass: Steward deploys it" : "its tests pass, and no deploy target is declared",
  ]);

/** In the order in which they are tried. Each may count on the ones before it having been silent. */
const rules: readonly Rule[] = [
  unknown,
  unhealthy,
  production,
  unreadableSpec,
  needsSpec,
  specIncomplete,
  buildInProgress,
  readyForBuild,
  buildIncomplete,
  needsTests,
  readyForTest,
  testsFailing,
  readyForDeploy,
];

const writeIt =
  "write one with Purpose, Requirements, API Specs, Dependencies and Success Criteria, or turn drafting on";
const writeItForTheCode = "there is code, but nothing that says what it is for: write a SPEC.md, or turn drafting on";

function verdict(
  phase: ServicePhase,
  stage: ServiceStage,
  needs: ServiceCapability | null,
  reasons: readonly string[],
): PhaseVerdict {
  return { phase, stage, needs, reasons: [...reasons] };
}

function productionSigns({ seen, known }: ServiceFacts): string[] {
  return [...(known.deployed === null ? [] : [known.deployed]), ...seen.production];
}

const isFresh = (claim: BuildClaim, now: Date, freshFor: number): boolean =>
  now.getTime() - claim.at.getTime() <= freshFor;

/** A claim that is no longer believed is told, so that nobody wonders why a second build begins. */
function staleClaim(
  claim: BuildClaim | null,
  { now, claimFreshFor: freshFor = claimFreshFor }: PhaseContext,
): string[] {
  if (claim === null || claim.ours || isFresh(claim, now, freshFor)) return [];
  return [`README still says "${claim.text}", but was last written ${claim.at.toISOString()}`];
}

/** True for a red verdict that says nothing of the content: the check itself could not be made. */
export function isNotJudged({ ok, facts }: { ok: boolean; facts: { kind: RedKind | null } }): boolean {
  return !ok && meaning(facts.kind) === "not judged";
}

/** What a red verdict of the tests gate is about: the tests, that there are too few of them, or neither. */
function meaning(kind: RedKind | null): "failing" | "too few tests" | "not judged" {
  switch (kind) {
    case "coverage_low":
    case "no_tests":
      return "too few tests";
    case "runner_missing":
    case "install_failed":
    case "cancelled":
    case "content_changed":
    case "unreadable":
      return "not judged";
    default:
      return "failing";
  }
}
