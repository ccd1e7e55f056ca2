import { createHash } from "node:crypto";
import type { SeenFacts } from "#lines/service/facts.ts";
import { contentStamp } from "#proof/content-stamp.ts";
import { version } from "#system/version.ts";
import { registryStatus } from "./registry-status.ts";

/**
 * What must change for a look to be worth while: the facts, any file's size or times, the rules, Steward itself. What
 * Steward wrote itself is no change: its own word in the registry, its own claim in a README. `now` counts only for
 * somebody else's claim, which is believed for some hours.
 */
export async function stampOfFiles(
  seen: SeenFacts,
  { known, policyVersion, now }: { known: { phase: string; health: string } | null; policyVersion: string; now: Date },
): Promise<string> {
  const { registry, production, claim, settings, ...rest } = seen;
  const own = known !== null && registry?.status === registryStatus(known.phase, known.health);
  const facts = {
    ...rest,
    // Its port and owner are among the settings, if they count.
    settings: { ...settings, status: own && settings.status === registry.status ? null : (settings.status ?? null) },
    url: registry?.url ?? null,
    status: own ? null : (registry?.status ?? null),
    production: production.filter((sign) => !(own && sign.includes("the registry says"))),
    claim: claim === null || claim.ours ? null : { ...claim, hours: hoursSince(claim.at, now) },
  };
  const content = seen.unreadable === null ? await contentStamp(seen.path) : "";
  return createHash("sha256")
    .update(JSON.stringify([version, policyVersion, facts, content]))
    .digest("hex");
}

/** No claim is believed for longer than two days. */
const hoursSince = (at: Date, now: Date): number =>
  Math.min(48, Math.floor((now.getTime() - at.getTime()) / 3_600_000));
