import type { SeenFacts } from "./facts.ts";

/**
 * Whether a reported stage's work is there, by looking: what an agent says of it does not count. The tests gate judges
 * later; this is what must hold before the ticket may be called done at all. Returns what is missing.
 */
export function checkWork(kind: string, seen: SeenFacts, changed: readonly string[]): string[] {
  if (seen.unreadable !== null) return [seen.unreadable];
  switch (kind) {
    case "spec":
      return seen.spec?.complete ? [] : (seen.spec?.reasons ?? ["there is still no SPEC.md"]);
    case "build":
      if (seen.code === null)
        return [changed.length === 0 ? "it ended, but wrote nothing" : "it ended, but there is no code to be found"];
      return seen.code.missing.map(({ reason }) => reason);
    case "tests":
      if (changed.length === 0) return ["it ended, but changed nothing"];
      return seen.tests > 0 || seen.settings.test !== undefined ? [] : ["there are still no tests"];
    case "fix":
      return changed.length === 0 ? ["it ended, but changed nothing"] : [];
    default:
      return [];
  }
}
