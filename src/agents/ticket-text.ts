import type { Claimed } from "#dispatch/claim.ts";
import { HIRED_RECORD, type DeployBrief } from "#lines/service/hired-deploy.ts";

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
    "Keep every line that its owner has written, and leave front matter as it is: it is theirs. Replace placeholders only.",
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
};

/** A deployment happens where Steward has no hand: what it must bring, and what of this folder counts. */
function deployInstructions({ service, mark, port, healthPath, serving, back }: DeployBrief): string[] {
  const where = port === null ? "on a port that is free" : `on port ${port}, which its owner chose`;
  const what =
    back === null
      ? "Deploy exactly what lies in your current folder: Steward has proved it as it is. Do not change it; what you add there is not taken over."
      : `Take ${service} back to ${back.to}${back.agentVersion === null ? "" : `, which its agent called ${JSON.stringify(back.agentVersion)}`}. What lies in your current folder is newer: it is not to be deployed.`;
  return [
    what,
    `It is to answer GET ${healthPath} with 200: on this machine ${where}, or at a host that its owner lists under \`deploy_hosts:\` in steward.yaml.`,
    `Then leave ${HIRED_RECORD} in your current folder: a JSON object with "port", or "url" without the health path; and if you can "version" (your name for it), "stop" and "rollback" (how that is done).`,
    "Steward reads it as what you say, asks there itself, and only what answers is in production. After that it goes on asking.",
    `${mark} is the name of this content: a service whose health answer holds it, in its body or in the header x-service-version, shows that it is this version.`,
    "What has STEWARD_RUN in its environment ends with you. What is to go on serving is started by something else (systemd, a container), or in a session of its own without that variable: `env -u STEWARD_RUN setsid …`.",
    serving === null
      ? `${service} is not in production yet.`
      : `${serving.version} is what counts as in production${serving.url === null ? "" : `, at ${serving.url}`}, until yours is proved.`,
  ];
}

const IN_A_COPY = [
  "Work only in your current folder: it is a copy of the service, and what you change there is taken over when you end.",
  "Changes to the spec, to steward.yaml, to CI configuration and removals of tests are shown to the owner, not applied.",
];

/** The ticket for a reader. What comes from the owner's files and from test output is quoted: it is data, not orders. */
export function ticketText(
  claimed: Claimed,
  { before = null, deploy = null }: { before?: string | null; deploy?: DeployBrief | null } = {},
): string {
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
    ...(deploy
      ? deployInstructions(deploy)
      : [...(INSTRUCTIONS[claimed.kind] ?? ["Do what the title says."]), ...IN_A_COPY]
    ).map((line) => `- ${line}`),
    "- Exit with 0 when you are done. Steward then checks the result itself; what you say of it does not count.",
    '- If this is not for you, write {"outcome": "refused", "reasons": ["…"]} to the file named by STEWARD_REPORT_FILE, and exit.',
    "",
    "## Why",
    "",
    ...body.reasons.map((reason) => `- ${reason}`),
  ];
  if (before !== null) parts.push("", "## Why the attempt before did not count", "", fenced(before, "text"));
  if (deploy?.serving && (deploy.serving.stop ?? deploy.serving.rollback) !== null) {
    const { stop, rollback } = deploy.serving;
    const said = [...(stop === null ? [] : [`stop: ${stop}`]), ...(rollback === null ? [] : [`rollback: ${rollback}`])];
    parts.push("", "## What was said of the version that serves", "", fenced(said.join("\n"), "text"));
  }
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
