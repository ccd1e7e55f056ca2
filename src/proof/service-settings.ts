import { z } from "zod";

/**
 * What an owner may say about one service, in steward.yaml or in the spec's front matter. A gate takes them from the
 * owner's version before the run, never from what the run left.
 */
export type ServiceSettings = {
  /** The command that runs the tests, for a shell. */
  test?: string;
  /** Percent of lines, 0 to 100. */
  coverageFloor?: number;
  port?: number;
  stack?: string;
  /** The command that starts the service, for a shell. */
  start?: string;
  owner?: string;
  client?: string;
  /** What is asked for its health: a path such as /health. */
  healthPath?: string;
  /** Names of environment variables without which it must not start. */
  requires?: string[];
  /** What the registry or the front matter calls its state. */
  status?: string;
};

const text = z.union([z.string(), z.number()]).transform(String).pipe(z.string().trim().min(1).max(1000));
const number = z.union([
  z.number(),
  z
    .string()
    .regex(/^\s*\d+(?:\.\d+)?\s*%?\s*$/)
    .transform(Number.parseFloat),
]);
const names = z.union([z.array(text).max(200), text.transform((list) => list.split(/[\s,]+/))]);

/** Each setting's reading, its limits, and the keys that people write it under. */
export const settingReaders = {
  test: { read: text, keys: ["test", "test_command", "testCommand"], must: "be a command" },
  coverageFloor: {
    read: number.pipe(z.number().min(0).max(100)),
    keys: ["coverage_floor", "coverageFloor", "min_coverage"],
    must: "be a percentage from 0 to 100",
  },
  port: { read: number.pipe(z.int().min(1).max(65535)), keys: ["port"], must: "be a port from 1 to 65535" },
  stack: { read: text, keys: ["stack"], must: "be a name such as python, node, go or rust" },
  start: { read: text, keys: ["start", "start_command", "startCommand"], must: "be a command" },
  owner: { read: text, keys: ["owner"], must: "be a name" },
  client: { read: text, keys: ["client"], must: "be a name" },
  healthPath: {
    read: text.pipe(z.string().startsWith("/")),
    keys: ["health_path", "healthPath"],
    must: "be a path such as /health",
  },
  requires: { read: names, keys: ["requires", "secrets"], must: "be a list of environment variable names" },
  status: { read: text, keys: ["status"], must: "be a word" },
} as const satisfies Record<keyof ServiceSettings, { read: z.ZodType; keys: readonly string[]; must: string }>;
