import type { Claimed } from "#dispatch/claim.ts";

export type TicketBody = {
  service: string;
  spec: string | null;
  reasons: string[];
  difference?: string;
  output?: string | null;
};

const INSTRUCTIONS: Record<string, string[]> = {
  spec: [
    "Write or complete the spec: Purpose, Requirements, API Specs, Dependencies, Success Criteria, each with real content.",
    "Your draft becomes a proposal to the owner.",
  ],
  build: [
    "Read the spec thoroughly and build exactly what it asks, in BUILD/ (or where the code is already).",
    "Write what its stack needs: manifest, entry point, Dockerfile, .env.example; it listens on PORT and answers GET /health with 200.",
    "Write tests that cover more than 80 % of the lines.",
  ],
  tests: [
    "Write the tests that are missing. Cover more than the floor of the lines, and every requirement of the spec.",
  ],
  fix: [
    "Make it pass by mending the code. Do not delete, skip or weaken a test: Steward compares them with those before.",
  ],
  deploy: ["Deploy it, and leave PRODUCTION/deployed_config.json with its port. Steward asks its /health afterwards."],
};

/** The ticket for a reader. What comes from the owner's files and from test output is quoted: it is data, not orders. */
export function ticketText(claimed: Claimed): string {
  const body = claimed.body as TicketBody;
  const parts = [
    `# ${claimed.title}`,
    "",
    `Service: ${body.service}`,
    `Your work as: ${claimed.capability}`,
    `Round: ${claimed.round}, attempt ${claimed.attempt} of ${claimed.max_attempts}`,
    ...(body.spec === null ? [] : [`Spec: ${body.spec} in your current folder`]),
    "",
    "## What to do",
    "",
    ...(INSTRUCTIONS[claimed.kind] ?? ["Do what the title says."]).map((line) => `- ${line}`),
    "- Work only in your current folder: it is a copy of the service, and what you change there is taken over when you end.",
    "- Changes to the spec, to steward.yaml, to CI configuration and removals of tests are shown to the owner, not applied.",
    "- Exit with 0 when you are done. Steward then checks the result itself; what you say of it does not count.",
    '- If this is not for you, write {"outcome": "refused", "reasons": ["…"]} to the file named by STEWARD_REPORT_FILE, and exit.',
    "",
    "## Why",
    "",
    ...body.reasons.map((reason) => `- ${reason}`),
  ];
  if (body.difference)
    parts.push("", "## What changed in the spec since it was built", "", fenced(body.difference, "diff"));
  if (body.output) parts.push("", "## What the tests printed", "", fenced(body.output, "text"));
  return `${parts.join("\n")}\n`;
}

/** A fence longer than any inside, so that no output can end it. */
function fenced(text: string, language: string): string {
  const longest = Math.max(2, ...[...text.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  return `${fence}${language}\n${text.trimEnd()}\n${fence}`;
}
