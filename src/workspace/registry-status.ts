/**
 * Whether an entry's status is what Steward wrote there: exactly its word, beside the phase that it writes with it.
 * Such a word outlives what it tells of (a database that is gone, a folder that was copied), and must not keep itself
 * true: the owner's own word counts, and Steward's own record in PRODUCTION/ does.
 */
export function isStewardsWord(status: unknown, phase: unknown): boolean {
  return (
    (phase === "PRODUCTION" || phase === "UNHEALTHY") &&
    typeof status === "string" &&
    /^production \((?:unknown|starting|healthy|unhealthy|stopped)\)$/.test(status)
  );
}

/** "✅ Production (Healthy)", "live", "deployed": the words by which people say that something serves. */
export function isProductionStatus(status: string): boolean {
  const plain = status
    .toLowerCase()
    .replace(/[^a-z ]+/g, " ")
    .trim();
  return /^(?:in |is )?(?:production|prod|live|deployed|released|running|online|operational|healthy|unhealthy|degraded)\b/.test(
    plain,
  );
}

/**
 * Whether what is written says the same as a status of ours, in the owner's own wording: "✅ Production (healthy)" and
 * "live" say "production". That is not replaced: it may be all that shows that something serves which Steward did not
 * release.
 */
export function says(written: unknown, status: string, { ours = false }: { ours?: boolean } = {}): boolean {
  if (typeof written !== "string") return false;
  const plain = written.toLowerCase().replace(/^[^a-z]+/, "");
  if (plain === status.toLowerCase()) return true;
  if (!ours && /^production\b/.test(status) && isProductionStatus(written)) return true;
  return new RegExp(`^${status.toLowerCase().replace(/[^a-z]/g, ".")}\\s*[(:,–-]`).test(plain);
}

/** The word by which Steward calls a phase in the registry. */
export function registryStatus(phase: string, health: string): string {
  if (phase === "PRODUCTION" || phase === "UNHEALTHY") return `production (${health})`;
  return phase.toLowerCase().replaceAll("_", " ");
}
