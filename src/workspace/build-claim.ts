import type { BuildClaim } from "#lines/service/facts.ts";

/** Stands in the one line of a README that is Steward's. */
export const statusMarker = "<!-- steward:status -->";

/**
 * A README's line that says that somebody is building: "🚧 BUILD IN PROGRESS by session-4", "**Status:** Building".
 * Prose that only speaks of builds ("see how the build works") is no claim.
 */
export function findBuildClaim(readme: string, writtenAt: Date): BuildClaim | null {
  if (!mayClaim.test(readme)) return null;
  let inFence = false;
  for (const line of readme.split(/\r\n|\n|\r/)) {
    if (/^ {0,3}(?:```|~~~)/.test(line)) inFence = !inFence;
    if (inFence || line.length > 400 || !mayClaim.test(line)) continue;
    const text = plain(line);
    if (claims.some((claim) => claim.test(text))) return { text, at: writtenAt, ours: line.includes(statusMarker) };
  }
  return null;
}

/** A word of every claim: most READMEs, and most lines, have none. */
const mayClaim = /build|progress|construction|development|wip/i;

const claims = [
  /^(?:🚧|🔨|🏗)\s*(?:build|building|in progress|under construction|wip)\b/iu,
  /^(?:[^\p{L}\p{N}]*)build(?:ing)?[ _-]+(?:is )?(?:in[ _-]+progress|started|underway|under way)\b/iu,
  /^(?:[^\p{L}\p{N}]*)(?:(?:current|build|project|service)\s+)?(?:status|state|phase|stage)\s*[:|]\s*[^\p{L}\p{N}]*(?:build[ _-]?in[ _-]?progress|building(?=$|\s*(?:by\b|since\b|[^\p{L}\p{N}\s]))|in[ _-](?:progress|development)|being built|build (?:started|underway))\b/iu,
];

const plain = (line: string): string =>
  line
    .replace(/<!--.*?-->/g, "")
    .replace(/^[\s>#|*+-]+|[\s|]+$/g, "")
    .replace(/[*_`]{1,3}(?=\S)|(?<=\S)[*_`]{1,3}/g, (marks) => (marks === "_" ? "_" : ""))
    .trim();
