import type { GateInput } from "./gate.ts";
import { gates } from "./gates/index.ts";
import type { GateName, Verdict } from "./verdict.ts";

/** What must be green before a service may be deployed, cheapest first. */
export const beforeDeploy: readonly GateName[] = ["spec", "build-files", "tests"];

/**
 * Proves a service: its gates in order, up to the first red one. It is proved when the last verdict is green and all
 * bear the same content hash, which `isProved` says.
 */
export async function proveService(input: GateInput, names: readonly GateName[] = beforeDeploy): Promise<Verdict[]> {
  const verdicts: Verdict[] = [];
  for (const name of names) {
    const verdict = await gates[name].run(input);
    verdicts.push(verdict);
    if (!verdict.ok) break;
  }
  const first = verdicts[0]?.contentHash;
  const moved = verdicts.findIndex((verdict) => verdict.ok && verdict.contentHash !== first);
  if (moved === -1) return verdicts;
  // Each gate saw a still folder, but not the same one: green specs of one version do not vouch for the next.
  const reason = "content changed between two checks: the verdicts are not about one version; judge it again";
  const at = verdicts[moved]!;
  return [
    ...verdicts.slice(0, moved),
    { ...at, ok: false, reasons: [reason], facts: { ...at.facts, kind: "content_changed" } },
  ];
}

/** True if these verdicts let a service go on: every one asked for, green, and about one and the same content. */
export function isProved(verdicts: readonly Verdict[], names: readonly GateName[] = beforeDeploy): boolean {
  const hash = verdicts[0]?.contentHash;
  return names.every((name) =>
    verdicts.some((verdict) => verdict.gate === name && verdict.ok && verdict.contentHash === hash),
  );
}
