import type { Command } from "commander";

/** What every command takes. */
export type Common = { json?: true; workspace?: string };

/** A file of commands/: it adds its command to the program. Its work is imported when it runs. */
export type CommandFile = { register(program: Command): void };

/** Begins a command with what all have: --json, --workspace and an example in its help. */
export function begin(
  program: Command,
  usage: string,
  { summary, example, json = true }: { summary: string; example: string; json?: boolean },
): Command {
  const command = program.command(usage).description(summary);
  if (json) command.option("--json", "print data only, as JSON");
  return command
    .option("--workspace <dir>", "the folder with SERVICES/ or steward.yaml; otherwise the nearest one above here")
    .addHelpText("after", `\nExample:\n  $ ${example}`);
}
