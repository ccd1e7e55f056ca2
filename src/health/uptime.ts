/** When a service was not well; without `endedAt` it still is not. */
export type Outage = { startedAt: Date; endedAt: Date | null };

/**
 * The share of a period in which a service was well, in percent with three decimals, rounded down: 99.9996 % is not
 * 100. Outages may overlap and reach over the ends of the period. Null for a period without length.
 */
export function uptimePercent(outages: readonly Outage[], { from, to }: { from: Date; to: Date }): number | null {
  const length = to.getTime() - from.getTime();
  if (length <= 0) return null;
  const spans = outages
    .map(({ startedAt, endedAt }) => ({
      start: Math.max(startedAt.getTime(), from.getTime()),
      end: Math.min((endedAt ?? to).getTime(), to.getTime()),
    }))
    .filter(({ start, end }) => end > start)
    .toSorted((a, b) => a.start - b.start);
  let down = 0;
  let reached = -Infinity;
  for (const { start, end } of spans) {
    down += Math.max(0, end - Math.max(start, reached));
    reached = Math.max(reached, end);
  }
  return Math.floor(((length - down) / length) * 100_000) / 1_000;
}

/**
 * The outages that a row of probes shows, oldest first: from the first failed one to the next that is well. When
 * between two probes it began or ended cannot be known; the seen times are taken.
 */
export function outagesOf(probes: readonly { at: Date; ok: boolean }[]): Outage[] {
  const outages: Outage[] = [];
  let open: Date | null = null;
  for (const { at, ok } of probes) {
    if (!ok) open ??= at;
    else if (open !== null) {
      outages.push({ startedAt: open, endedAt: at });
      open = null;
    }
  }
  if (open !== null) outages.push({ startedAt: open, endedAt: null });
  return outages;
}
