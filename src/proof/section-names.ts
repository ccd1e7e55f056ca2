/** The sections that a spec must have before anybody builds it, and the names people really give them. */
export const sectionNames = ["Purpose", "Requirements", "API Specs", "Dependencies", "Success Criteria"] as const;
export type SectionName = (typeof sectionNames)[number];

/** Compared after `plainHeading`: lower case, without numbers, emoji, punctuation and the words of `decorations`. */
const synonyms: Record<SectionName, readonly string[]> = {
  Purpose: [
    "purpose, purpose statement, mission, vision, intent, motivation, why, rationale, about, objective, objectives",
    "goal, goals, problem, problem statement, the problem, problem definition, what problem does this solve, overview",
    "executive summary, summary, introduction, background, description, what it does, what this does, what it is",
    "elevator pitch, value proposition, context",
  ],
  Requirements: [
    "requirements, requirement, functional requirements, features, feature list, feature set, capabilities",
    "user stories, use cases, functionality, functional spec, functional specs, functional specification",
    "functional specifications, functions, scope, in scope, must have, must haves, what it must do, behavior, behaviour",
    "mvp, mvp features, mvp scope, requirements and features, detailed requirements, user requirements",
  ],
  "API Specs": [
    "api, apis, api spec, api specs, api specification, api specifications, api endpoint, api endpoints, endpoint",
    "endpoints, endpoint list, api design, api reference, api contract, api contracts, api definition, api definitions",
    "api docs, api documentation, api interface, api routes, api surface, api overview, routes, route list, interface",
    "interfaces, interface specification, openapi, openapi spec, openapi specification, web api, http interface",
  ],
  Dependencies: [
    "dependencies, dependency, dependency list, depends on, tech stack, technology stack, technologies, technology",
    "stack, libraries, packages, prerequisites, integrations, integration points, external services",
    "third party services, third party dependencies, third party libraries, requires, built with, required services",
    "dependencies and integrations, technical stack, upstream services, services used",
  ],
  "Success Criteria": [
    "success criteria, success criterion, success metrics, success metric, success measures, measures of success",
    "acceptance criteria, acceptance criterion, acceptance tests, acceptance, definition of done, done when",
    "done criteria, completion criteria, exit criteria, dod, how we know it works, how we know it is done",
    "what success looks like, success looks like, kpis, key results, success",
  ],
};

/** Words that may stand before a section's name and change nothing: "Our Key Features", "External Dependencies". */
const decorations = new Set(
  (
    "the our its this a key core main major primary high level product project service system business technical " +
    "software rest restful http json public external internal runtime proposed required initial detailed general"
  ).split(" "),
);

const byHeading = new Map<string, SectionName>(
  sectionNames.flatMap((name) =>
    synonyms[name].flatMap((line) => line.split(", ").map((synonym) => [synonym, name] as const)),
  ),
);

export type HeadingMeaning = {
  /** The required sections that it stands for: none, one, or two ("Requirements & Dependencies"). */
  names: readonly SectionName[];
  /** It is one of the five names as they are written above, decoration aside. */
  official: boolean;
};

export function meaningOf(heading: string): HeadingMeaning {
  const known = remembered.get(heading);
  if (known !== undefined) return known;
  const plain = plainHeading(heading.slice(0, longestHeading));
  const names = recognise(plain);
  const found = { names, official: names[0] !== undefined && names[0].toLowerCase() === plain };
  if (remembered.size >= 4096) remembered.clear();
  remembered.set(heading, found);
  return found;
}

/** Specs share their headings, and to make one plain costs more than to read the rest of its line. */
const remembered = new Map<string, HeadingMeaning>();

/** Longer lines are prose: it bounds what a hostile heading can cost. */
const longestHeading = 200;

function recognise(plain: string): SectionName[] {
  const whole = lookUp(plain);
  if (whole !== undefined) return [whole];
  const parts = plain.split(/ and | or |[/:,+|]| [-–—] |\(|\)/);
  const found = parts.map((part) => lookUp(part.trim())).filter((name) => name !== undefined);
  return [...new Set(found)];
}

function lookUp(plain: string): SectionName | undefined {
  let rest = plain;
  for (;;) {
    const found = byHeading.get(rest);
    if (found !== undefined) return found;
    const space = rest.indexOf(" ");
    if (space < 0 || !decorations.has(rest.slice(0, space))) return undefined;
    rest = rest.slice(space + 1);
  }
}

/** "## 3.1) **🔌 API Endpoints (v2):**" → "api endpoints". The hashes are gone already. */
function plainHeading(heading: string): string {
  return heading
    .normalize("NFKC")
    .toLowerCase()
    .replace(/<[^>]*>|\{#[^}]*\}/g, " ")
    .replace(/\[([^\]]*)\]\([^)]*\)/g, "$1")
    .replace(/:[a-z0-9_+-]+:/g, " ") // :rocket:
    .replace(/\p{Extended_Pictographic}|\p{Emoji_Modifier}|\p{Regional_Indicator}|\uFE0F|\u200D|\u20E3/gu, " ")
    .replace(/[*_`~"'“”‘’[\]!?✓✔•·→⇒.]+/g, (marks) => (marks.includes(".") ? ". " : " "))
    .replace(/^[\s\-–—:)(|.]*(?:(?:section|part|chapter|step)\s+)?(?:(?:\d+|[ivx]+|[a-h])\s*[.):]\s*|\d+\s+)*/u, "")
    .replace(/^[\s\-–—:)(|.]+/, "")
    .replace(/\((?:v?[\d. ]+|required|optional|rest|http|json|mvp|draft|final|wip)\)/g, " ")
    .replace(/&/g, " and ")
    .replace(/(?<=\w)-(?=\w)/g, " ")
    .replace(/\bv\d+(?:[. ]\d+)*\b/g, " ")
    .replace(/[\s\-–—:.)(|]+$/, "")
    .replace(/\. /g, " ")
    .replace(/\s+/g, " ")
    .trim();
}
