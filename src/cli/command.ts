import type { Command } from "commander";

/** What every command takes. */
export type Common = { json?: true; workspace?: string };

/** A file of commands/: it adds its command to the program. Its work is imported when it runs. */
export type CommandFile = { register(program: Command): void };

type Words = {
  summary: string;
  example: string;
  /** What its exit codes mean where they say more than "ok" and "failed", such as `1 not proved`. */
  exits?: string[];
  /** What --json prints. */
  json?: string;
  /** False: it is about no workspace. */
  workspace?: boolean;
};

/** What a command that asks the running house may answer besides. */
export const asksHouse = ["6 Steward is not running"];
export const asksService = ["3 there is no such service", ...asksHouse];

/** Begins a command with what all have: --json, --workspace, and in its help an example and its exit codes. */
export function begin(
  program: Command,
  usage: string,
  { summary, example, exits = [], json = "print data only, as JSON", workspace = true }: Words,
): Command {
  const command = program.command(usage).description(summary).option("--json", json);
  if (workspace)
    command.option("--workspace <dir>", "the folder with SERVICES/ or steward.yaml; else the nearest above here");
  const codes = exits.length > 0 ? `\n\nExit codes: 0 ok, ${exits.join(", ")}` : "";
  return command.addHelpText("after", `\nExample:\n  $ ${example}${codes}`);
}
