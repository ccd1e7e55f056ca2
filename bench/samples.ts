/** The sample below which this part (0 to 1) of all samples lie, by the nearest rank: it is one that was seen. */
export function quantile(samples: readonly number[], part: number): number {
  if (samples.length === 0) throw new RangeError("There are no samples.");
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(part * sorted.length) - 1)]!;
}

export function median(samples: readonly number[]): number {
  return (quantile(samples, 0.5) + quantile(samples, 0.5000001)) / 2;
}

/** The median as the value, with the spread beside it. */
export function spread(samples: readonly number[]) {
  return {
    value: median(samples),
    n: samples.length,
    p50: quantile(samples, 0.5),
    p99: quantile(samples, 0.99),
    min: Math.min(...samples),
    max: Math.max(...samples),
  };
}
