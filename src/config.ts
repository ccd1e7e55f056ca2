import { createHash } from "node:crypto";
import { readFileSync, realpathSync } from "node:fs";
import { homedir } from "node:os";
import { basename, join, resolve } from "node:path";
import { z } from "zod";
import { HOST_PATTERN } from "#proof/reach.ts";
import { AllowRule, QueueSettings } from "#policy/start/queue-settings.ts";
import { Failure, hasErrorCode, messageOf } from "#system/failure.ts";
import { readYaml, type YamlProblem } from "#system/yaml-problems.ts";

/**
 * Every setting, on one page. Two sources: the environment, read once at start, and the workspace's steward.yaml,
 * read again when it is saved. All problems are reported together.
 */

// ── The environment ─────────────────────────────────────────────────────────────────────────────────────────────────

export type Settings = {
  /** The workspace: the folder that holds SERVICES/ and steward.yaml. Absolute, links resolved. */
  workspace: string;
  /** Steward's own folder for this workspace: database, runs, releases, keys. Never inside the workspace. */
  home: string;
  /** Above all homes: what they share, such as the database's programs. */
  stateRoot: string;
  /** A PostgreSQL 15+ of the owner's, or null for the embedded one. */
  databaseUrl: string | null;
  host: string;
  port: number;
  logLevel: string;
  /** What Steward itself was started with; agents and services get of it what they are allowed. */
  environment: Record<string, string | undefined>;
};

const Environment = z.object({
  STEWARD_HOME: z.string().optional(),
  STEWARD_STATE: z.string().optional(),
  DATABASE_URL: z
    .string()
    .regex(/^postgres(ql)?:\/\//, "must begin with postgres://")
    .optional(),
  STEWARD_HOST: z
    .enum(["127.0.0.1", "::1", "localhost"], "must be a loopback address: only this machine may ask for now")
    .default("127.0.0.1"),
  STEWARD_PORT: z.coerce.number().int().min(0).max(65_535).default(8900),
  STEWARD_LOG: z.enum(["trace", "debug", "info", "warn", "error", "silent"]).default("info"),
  XDG_STATE_HOME: z.string().optional(),
});

/** Reads the settings for a workspace. Throws one Failure that names everything that is wrong. */
export function readSettings(environment: Record<string, string | undefined>, workspace: string): Settings {
  const given = Object.fromEntries(Object.entries(environment).filter(([, value]) => value !== ""));
  const read = Environment.safeParse(given);
  if (!read.success) {
    const problems = read.error.issues.map((issue) => `${issue.path.join(".")} ${issue.message}`);
    throw new Failure("invalid", `The environment is not as it should be:\n  ${problems.join("\n  ")}`);
  }
  const { STEWARD_HOME, STEWARD_STATE, XDG_STATE_HOME, DATABASE_URL, STEWARD_HOST, STEWARD_PORT, STEWARD_LOG } =
    read.data;
  const folder = realOf(workspace);
  const stateRoot = resolve(STEWARD_STATE ?? defaultStateRoot(XDG_STATE_HOME));
  const home = STEWARD_HOME ? resolve(STEWARD_HOME) : join(stateRoot, "workspaces", nameOf(folder));
  return {
    workspace: folder,
    home,
    stateRoot,
    databaseUrl: DATABASE_URL ?? null,
    host: STEWARD_HOST,
    port: STEWARD_PORT,
    logLevel: STEWARD_LOG,
    environment,
  };
}

function realOf(workspace: string): string {
  try {
    return realpathSync(workspace);
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT")) throw error;
    throw new Failure(
      "not_found",
      `There is no folder ${resolve(workspace)}. Name an existing one, or run \`steward init\` in it.`,
    );
  }
}

/** As root under /var/lib, where the database's own user can reach it: nothing under a home folder is readable to it. */
function defaultStateRoot(xdg: string | undefined): string {
  if (process.getuid?.() === 0) return "/var/lib/steward";
  return join(xdg ?? join(homedir(), ".local", "state"), "steward");
}

function nameOf(workspace: string): string {
  const hash = createHash("sha256").update(workspace).digest("hex").slice(0, 8);
  return `${basename(workspace)
    .replace(/[^A-Za-z0-9._-]+/g, "-")
    .slice(0, 40)}-${hash}`;
}

// ── steward.yaml ────────────────────────────────────────────────────────────────────────────────────────────────────

const capability = z.enum(["architect", "builder", "tester", "fixer", "devops"]);

const AgentSettings = z.strictObject({
  kind: z.literal("command").default("command"),
  command: z.union([z.string().min(1), z.array(z.string()).min(1)]),
  capabilities: z.array(capability).min(1),
  slots: z.int().min(1).max(100).default(1),
  env: z.array(z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/)).default([]),
  about: z.string().default(""),
  silence_minutes: z.number().positive().max(525_600).default(15),
  total_minutes: z.number().positive().max(525_600).default(240),
  nice: z.int().min(0).max(19).optional(),
  /** Held in US dollars while it runs, where a budget counts money. */
  cost_usd: z.number().min(0).default(0),
});

const ProcessDeploy = z.strictObject({ target: z.literal("process"), keep: z.int().min(2).max(100).default(5) });
const CommandDeploy = z.strictObject({
  target: z.literal("command"),
  deploy: z.string().min(1),
  status: z.string().min(1).optional(),
  rollback: z.string().min(1).optional(),
  stop: z.string().min(1).optional(),
  pass: z.array(z.string()).default([]),
});
const Deploy = z.union([
  z.literal("none").transform(() => null),
  z.discriminatedUnion("target", [ProcessDeploy, CommandDeploy]),
]);

/** What a service may say, beside what the detection reads of it (test, port, coverage_floor, stack, owner, client, …). */
const ServiceSection = z.looseObject({
  deploy: Deploy.optional(),
  environment: z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]).transform(String)).default({}),
});

const Rules = z.strictObject({
  services: z.union([z.string(), z.looseObject({ folder: z.string().optional() })]).default("SERVICES"),
  service: z
    .record(
      z.string(),
      ServiceSection.nullable().transform((one) => one ?? ServiceSection.parse({})),
    )
    .default({}),
  deploy: Deploy.optional(),
  /** Where a hired agent may say that it deployed a service, beside this machine: "quotes.example.org", "*.example.org". */
  deploy_hosts: z
    .array(z.string().regex(HOST_PATTERN, "must be a host, such as quotes.example.org, *.example.org or 10.0.0.7:8443"))
    .default([]),
  drafting: z.boolean().default(false),
  /** When a task of the build queue may start. */
  queue: QueueSettings.prefault({}),
  built_in_builder: z.boolean().default(true),
  coverage_floor: z.number().min(0).max(100).default(80),
  settle_seconds: z.number().min(0).max(3_600).default(2),
  sweep_seconds: z.number().min(1).max(3_600).default(60),
  probe_seconds: z.number().min(0.2).max(3_600).default(5),
  test_minutes: z
    .number()
    .positive()
    .max(24 * 60)
    .default(10),
  proofs_at_once: z.int().min(1).max(64).default(2),
  agents: z
    .record(z.string().regex(/^[a-z0-9][a-z0-9_-]{0,39}$/i, "must be letters, digits, - and _"), AgentSettings)
    .default({}),
});

export type Rules = z.infer<typeof Rules>;
export type AgentRules = z.infer<typeof AgentSettings>;

export type DeployRules = NonNullable<z.infer<typeof Deploy>>;

export type RulesFile = {
  rules: Rules;
  /** Hash of what the rules say, whatever the layout. */
  version: string;
  problems: YamlProblem[];
};

export const rulesFileName = "steward.yaml";

/** `steward.yaml line 4: agents.x.command is missing`. */
export const tellProblem = ({ line, message }: YamlProblem): string =>
  `${rulesFileName}${line === null ? "" : ` line ${line}`}: ${message}`;

/**
 * The workspace's steward.yaml; without one, the defaults. What is wrong is named with its place, all of it together:
 * a start refuses, a running house keeps the rules it has and says so.
 */
export function readRules(workspace: string): RulesFile {
  let text = "";
  try {
    text = readFileSync(join(workspace, rulesFileName), "utf8");
  } catch (error) {
    if (!hasErrorCode(error, "ENOENT"))
      return withProblems([{ line: null, message: `it cannot be read: ${messageOf(error)}` }]);
  }
  const { value, problems } = readYaml(text, Rules, { known: settingsAt });
  return value === null ? withProblems(problems) : { rules: value, version: versionOf(value), problems: [] };
}

/** The settings that there are at a place of steward.yaml. */
function settingsAt(path: readonly PropertyKey[]): string[] {
  return Object.keys(shapeAt(path));
}

function shapeAt(path: readonly PropertyKey[]): object {
  if (path.length === 0) return Rules.shape;
  if (path[0] === "agents") return AgentSettings.shape;
  if (path[0] === "queue") return path.length === 1 ? QueueSettings.shape : AllowRule.shape;
  return path.at(-1) === "deploy" ? { ...ProcessDeploy.shape, ...CommandDeploy.shape } : {};
}

function withProblems(problems: YamlProblem[]): RulesFile {
  const rules = Rules.parse({});
  return { rules, version: versionOf(rules), problems };
}

function versionOf(rules: Rules): string {
  return createHash("sha256").update(JSON.stringify(rules)).digest("hex").slice(0, 16);
}

/** Where and how a service is deployed; null if the owner declared no target for it. */
export function deployRulesOf(rules: Rules, service: string): DeployRules | null {
  const own = rules.service[service]?.deploy;
  return own === undefined ? (rules.deploy ?? null) : own;
}
