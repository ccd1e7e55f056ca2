/** By what one can see that a criterion holds. */
export type CheckableBy = "command" | "url" | "test" | "path" | "number" | "behaviour";

/**
 * By what a completion criterion can be checked, or null if by nothing: it names a path, an address, a test, a command
 * or a number, or says of something in particular what can be seen of it. Lenient on purpose: a criterion that is
 * wrongly called checkable shows as "claimed by the agent" later; one that is wrongly refused stops a good task.
 */
export function checkableBy(criterion: string): CheckableBy | null {
  const text = criterion.slice(0, 4_000);
  for (const [by, sign] of signs) if (sign.test(text)) return by;
  return isBehaviour(text) ? "behaviour" : null;
}

const programs = "npm|npx|pnpm|yarn|bun|deno|node|python3?|pytest|pip3?|uv|go|cargo|make|curl|git|docker|kubectl|bash|sh|ruby|rake|mvn|gradle|dotnet|php|composer|psql|steward"; // prettier-ignore

const signs: [CheckableBy, RegExp][] = [
  ["command", /^\s*check\s*:\s*\S/i],
  ["command", new RegExp(`(?:^|\`|\\bruns? |\\$ )(?:${programs}) [\\w./-]`)],
  ["command", /`[^`]+ [^`]+`/],
  ["url", /\bhttps?:\/\/\w|\blocalhost:\d|\b(?:GET|POST|PUT|PATCH|DELETE|HEAD) `?\//],
  ["test", /\btest_\w+|\b(?:tests?|test suite|specs?|suite|coverage|lint(?:er|ing)?|type ?check(?:s|ing)?|CI|pipeline)\b.{0,60}\b(?:pass\w*|green|succeed\w*|clean|cover\w*|for|of|exist\w*|prove\w*|show\w*|written|added|above|over|at least)\b/i],
  ["test", /\b(?:unit|integration|e2e|end-to-end|regression|smoke|acceptance|property|load)[ -]tests?\b|\b(?:passing|passes|pass|green|covered by|with) (?:\w+ ){0,2}tests\b/i],
  ["path", /(?:^|[\s`"'(])(?:~|\.{1,2})?\/[\w@.-]+|(?:^|[\s`"'(])[\w@.-]+\/[\w@.-]*\/|(?:^|[\s`"'(])[\w@.-]+\/[\w@./-]*\.\w{1,8}\b/],
  ["path", /(?:^|[\s`"'(])[\w@.-]+\/(?=$|[\s`"'),.])/],
  ["path", /\b(?!(?:node|next|vue|nuxt|react|express|three|d3|ember|backbone|chart)\.js)[\w-]+\.(?:tsx?|jsx?|mjs|cjs|py|md|json|ya?ml|toml|html?|css|scss|sh|sql|csv|txt|go|rs|rb|java|kt|swift|php|c|h|cpp|ini|env|lock|png|svg|jpe?g|pdf|ics|xml)\b/i],
  ["path", /\b(?:README|CHANGELOG|Dockerfile|Makefile|LICENSE)\b/],
  ["number", /\d|\b(?:two|three|four|five|six|seven|eight|nine|ten|twelve|hundred|thousand|zero|twice)\b/i],
]; // prettier-ignore

/** Says nothing about what is meant. */
const emptyWords = new Set(
  "a an the it its this that these those they them he she we you i and or but of to in on at by for from with as is are was were be been being has have had do does did not no so very really just all everything every any each something anything thing things stuff whatever when once if then there here will should must can could may might able good great nice fine ok okay better best right well clean cool perfect properly correctly nicely expected well-written quality happy user-friendly easy fast quick robust intuitive modern etc idk tbd todo".split(" "),
); // prettier-ignore

/** Names what every task makes: of these alone one cannot tell what is meant. */
const anyTask = new Set("app application feature features code system task project work job build product solution implementation functionality program software website site result results output mvp version part parts".split(" ")); // prettier-ignore

const ended = /^(?:done|complete|completed|finished|ready|implemented|built|made|delivered|good)$/;
const holds =
  /^(?:works?|working|functional|functions|runs?|running|exists?|available|enabled|live|supported|deployed|documented|configured|installed|tested|approved|reviewed)$/;
const seen = /^(?:returns?|shows?|displays?|prints?|lists?|logs?|saves?|stores?|loads?|opens?|closes?|starts?|stops?|fails?|rejects?|accepts?|renders?|responds?|supports?|fetches|fetch|sends?|receives?|creates?|updates?|deletes?|removes?|adds?|generates?|exports?|imports?|reads?|writes?|redirects?|links?|plays?|sorts?|filters?|searches|finds?|finds|validates?|refuses?|survives?|appears?|disappears?|changes?|keeps?|remembers?|persists?|scrolls?|fits?|matches|contains?|includes?|has|have|gets?|uses?|calls?|handles?|blocks?|allows?|lets|asks?|says?|tells?|warns?|notifies|passes|pass|compiles?|builds?|installs?|logs?|signs?|syncs?|refresh(?:es)?|retr(?:y|ies)|expires?|recovers?|counts?|groups?|merges?|answers?|draws?|covers?|names?|gives?|takes?|moves?|switches|switch|select|selects|view|views|edit|edits|click|clicks|upload|uploads|download|downloads|authenticates?|log|login)$/; // prettier-ignore

function isBehaviour(text: string): boolean {
  const words = text.toLowerCase().match(/[\p{L}\p{N}][\p{L}\p{N}'’+#-]*/gu)?.slice(0, 400) ?? []; // prettier-ignore
  const rest = (verb: (word: string) => boolean) => words.filter((word) => !emptyWords.has(word) && !verb(word));
  const particular = (verb: (word: string) => boolean) => rest(verb).filter((word) => !anyTask.has(word)).length;
  const is = (sign: RegExp) => (word: string) => sign.test(word);
  const participle = (word: string) => /^(?:\p{L}{3,}(?:ed|ing)|shown|sent|written|kept|built|made|seen|found|hidden|given|taken|drawn|set)$/u.test(word) && !ended.test(word) && !holds.test(word) && !emptyWords.has(word); // prettier-ignore
  if (words.some(is(seen)) && particular(is(seen)) >= 1) return true;
  if (words.some(is(holds)) && particular(is(holds)) >= 1) return true;
  if (words.some(participle) && particular(participle) >= 1) return true;
  if (words.some(is(ended)) && particular(is(ended)) >= 2) return true;
  // "User can log in to the shop", "Dark mode toggle in the settings page": something in particular, somewhere.
  // Four words that say something are enough in any language.
  const said = particular(() => false);
  return said >= 4 || (said === 3 &&  words.some((word) => /^(?:can|in|on|at|per|from|into|via|without|through|within|after|before)$/.test(word))); // prettier-ignore
}
