import { OWN_CAPABILITIES, REPAIR_PURPOSE, type History } from "./decide.ts";
import type { KnownFacts } from "./facts.ts";
import type { Live, Round, Standing } from "./standing.ts";
import { count } from "#system/count.ts";

/** By which a verdict of the tests, and one of a release's health, must have been made to count. */
export type Hashes = { gate: string; release: string };

/** What a running Steward knows beside what the files show. */
export function whatIsKnown(
  { item, live, verdicts, deployed, exhausted }: Standing,
  round: Round,
  hashes: Hashes,
  look: { contentHash: string | null; draftingAllowed: boolean; hasDeployTarget: boolean },
): KnownFacts {
  const verdict = verdicts.find(({ gate, settings_hash }) =>
    gate === "health" ? ["", hashes.release].includes(settings_hash) : settings_hash === hashes.gate,
  );
  const unbuilt = round.number > 1 && round.built_at === null;
  const changed = deployed?.state === "live" && look.contentHash !== null && deployed.content_hash !== look.contentHash;
  return {
    running: true,
    liveRun: live?.state === "claimed" && !OWN_CAPABILITIES.includes(live.capability) && live.started_at !== null
      ? { agent: live.agent ?? "an agent", capability: live.capability, since: live.started_at }
      : null, // prettier-ignore
    verdict: verdict ? { ok: verdict.ok, reasons: verdict.reasons, facts: verdict.facts as never } : null,
    deployed: deployed ? servesHow(deployed) : null,
    hired: deployed?.target === "agent" ? deployed.version : null,
    probe: item.health === "healthy" ? { healthy: true, reasons: [] }
      : item.health === "unhealthy" ? { healthy: false, reasons: [item.health_reason ?? "its health check fails"] } : null, // prettier-ignore
    recoveryExhausted: exhausted,
    openRound: unbuilt ? { specChange: summaryOf(round.difference) } : changed ? { specChange: null } : null,
    draftingAllowed: look.draftingAllowed,
    hasDeployTarget: look.hasDeployTarget,
  };
}

function servesHow({ version, port, state }: NonNullable<Standing["deployed"]>): string {
  if (state === "stopped") return `release ${version} was stopped on your word`;
  return `release ${version} serves${port === null ? "" : ` on port ${port}`}`;
}

function summaryOf(difference: string | null): string {
  const lines = difference?.split("\n") ?? [];
  const many = (sign: string) => lines.filter((line) => line.startsWith(sign)).length;
  return `${count(many("+"), "line")} added, ${many("-")} removed`;
}

/** What has happened to it so far; with `anew`, nothing that was tried before counts any more. */
export function historyOf(
  { item, live, deployed, ended: allEnded }: Standing,
  round: Round,
  hashes: Hashes,
  { name, contentHash, anew }: { name: string; contentHash: string | null; anew: boolean },
): History {
  const ended = anew ? [] : allEnded;
  const done = ended.filter(({ state }) => state === "done");
  const purposeOf = (key: string) => key.slice(item.id.length + 1);
  return {
    name,
    round: round.number,
    specHash: round.spec_hash,
    contentHash,
    gateHash: hashes.gate,
    releaseHash: hashes.release,
    live: live && { kind: live.kind, purpose: purposeOf(live.dedupe_key), claimed: live.state === "claimed" || isAsked(live) },
    failed: new Map(
      ended
        .filter(({ state }) => state === "failed")
        .map(({ dedupe_key, last_error }) => [purposeOf(dedupe_key), last_error ?? "no reason was given"]),
    ),
    done: countBy(done.map(({ dedupe_key }) => purposeOf(dedupe_key))),
    fixes: done.filter(({ kind }) => kind === "fix").length,
    hired: deployed?.target === "agent" ? deployed.version : null,
    repairs: done.filter(({ dedupe_key, lately }) => lately && purposeOf(dedupe_key).startsWith(REPAIR_PURPOSE)).length,
  };
} // prettier-ignore

/** What the owner asked for beside the line's own decision stays until it is done or they take it back. */
export const isAsked = ({ dedupe_key }: Live): boolean => dedupe_key.includes(" asked ");

function countBy(names: string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of names) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
