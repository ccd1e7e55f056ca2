import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";
import type { RunSpec } from "#agents/runner/run-spec.ts";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import type { AgentDriver, AgentWork } from "./driver.ts";

/** What the owner says of a command agent in steward.yaml. Times are milliseconds. */
export type CommandSettings = {
  /** A list is a program and its arguments, with no shell between; a string is a line for `sh -c`. */
  command: string | string[];
  /** Names of our environment that this agent gets beside the usual ones, such as ANTHROPIC_API_KEY. */
  env?: string[];
  silenceMs?: number;
  totalMs?: number;
  graceMs?: number;
  outputBytes?: number;
  nice?: number;
};

/** Reading a long answer can take minutes without a word; a quarter of an hour is longer than any we know of. */
const SILENCE_MS = 15 * 60_000;

/** After four hours a build counts as stalled. */
const TOTAL_MS = 4 * 60 * 60_000;

const GRACE_MS = 5_000;
const OUTPUT_BYTES = 64 * 1024 * 1024;

/** One name that every run's processes carry. The runner sweeps by it. */
export const runMarker = "STEWARD_RUN";

/**
 * Any program as an agent. It gets its ticket on stdin (the text) and as files (STEWARD_TICKET_FILE is the JSON, and
 * ticket.md lies beside it), its work folder as its current one, and of our environment only what the list below and
 * the owner name: never a database's address or somebody else's token. `environment` is where those are read.
 */
export function commandDriver(
  settings: CommandSettings,
  { environment }: { environment: Record<string, string | undefined> },
): AgentDriver {
  const command = commandLine(settings.command);
  return {
    kind: "command",
    prepare: async (work) => {
      const { text, json } = await writeTicket(work);
      return {
        runId: work.runId,
        ticketId: work.ticketId,
        tenantId: work.tenantId,
        fence: work.fence,
        command,
        cwd: work.workDir,
        env: {
          ...allowedEnvironment(environment, settings.env),
          TERM: "dumb",
          STEWARD_TICKET_FILE: json,
          STEWARD_SERVICE: work.service,
          STEWARD_KIND: work.kind,
        },
        stdinFile: text,
        clocks: {
          silenceMs: settings.silenceMs ?? SILENCE_MS,
          totalMs: settings.totalMs ?? TOTAL_MS,
          graceMs: settings.graceMs ?? GRACE_MS,
        },
        limits: { outputBytes: settings.outputBytes ?? OUTPUT_BYTES },
        marker: { name: runMarker, value: work.runId },
        lease: work.lease,
        ...(settings.nice !== undefined && { nice: settings.nice }),
        ...(work.home !== undefined && { home: work.home }),
        ...(work.lastOneOutScript !== undefined && { lastOneOutScript: work.lastOneOutScript }),
      } satisfies RunSpec;
    },
  };
}

function commandLine(command: string | string[]): string[] {
  const line = typeof command === "string" ? ["sh", "-c", command] : command;
  if (line.length === 0 || line.at(typeof command === "string" ? -1 : 0)?.trim() === "") {
    throw new Failure("invalid", "A command agent has no command: write `command:` for it in steward.yaml.");
  }
  return line;
}

/** What a program needs to run at all, and to write what its user can read. LC_* beside them. */
const usual = ["PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "TZ", "TMPDIR"];

/** An allow-list: what is not named does not pass, so that a secret nobody thought of stays here. */
export function allowedEnvironment(
  environment: Record<string, string | undefined>,
  owners: readonly string[] = [],
): Record<string, string> {
  const allowed = new Set([...usual, ...owners]);
  return Object.fromEntries(
    Object.entries(environment).filter(
      (entry): entry is [string, string] =>
        entry[1] !== undefined && (allowed.has(entry[0]) || /^LC_[A-Z]+$/.test(entry[0])),
    ),
  );
}

async function writeTicket({ ticket, runFolder }: AgentWork): Promise<{ text: string; json: string }> {
  const text = join(runFolder, "ticket.md");
  const json = join(runFolder, "ticket.json");
  await mkdir(runFolder, { recursive: true, mode: 0o700 });
  await chmod(runFolder, 0o700);
  const ours = { mode: 0o600, flush: false };
  await Promise.all([
    writeFileAtomic(text, ticket.text.endsWith("\n") ? ticket.text : `${ticket.text}\n`, ours),
    writeFileAtomic(json, `${JSON.stringify(ticket.data, null, 2)}\n`, ours),
  ]);
  return { text, json };
}
