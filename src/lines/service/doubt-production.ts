import type { SeenFacts } from "./facts.ts";

/** Of the signs in a service's files that it is in production: there are none, they count, or they do not. */
export type Signs = "none" | "believed" | "doubted";

/**
 * Anybody can write a record of a production, and it would pass every gate by: one that appeared while an agent was at
 * work does not count, also where deploying was its work: Steward proves that, and writes the record itself. What is
 * doubted stays so until it is gone. What stood there when the service was first seen is its owner's, and what Steward
 * itself released or proved is known without any sign.
 */
export function doubtProduction(
  seen: SeenFacts,
  {
    before,
    worker,
    released,
  }: {
    before: Signs | null;
    /** The hired agent that is at work on it, or was since the last look. */
    worker: string | null;
    /** Steward has released it, or proved that an agent did. Its own record may be seen late: it was killed after it had written it. */
    released: boolean;
  },
): { signs: Signs; seen: SeenFacts } {
  if (seen.production.length === 0) return { signs: "none", seen };
  if (released) return { signs: "believed", seen };
  const appeared = before === "none" && worker !== null;
  if (before !== "doubted" && !appeared) return { signs: "believed", seen };
  const [sign = ""] = seen.production;
  const doubt = `${sign}, but Steward released nothing, and it came while an agent was at work: it does not count; remove it`;
  return { signs: "doubted", seen: { ...seen, production: [], problems: [...seen.problems, doubt] } };
}
