/** The word by which Steward calls a phase in the registry. */
export function registryStatus(phase: string, health: string): string {
  if (phase === "PRODUCTION" || phase === "UNHEALTHY") return `production (${health})`;
  return phase.toLowerCase().replaceAll("_", " ");
}
