import type { Command } from "commander";
import { Failure } from "#system/failure.ts";
import { commands, groups } from "./commands.ts";
import { exitCode, failureExit } from "./exit-code.ts";
import { say } from "./talk.ts";
import { version } from "#system/version.ts";

const code = await main(process.argv.slice(2));
// Connections that are kept for a next request would hold the process for seconds.
process.stdout.write("", () => process.exit(code));

/** Reads the words, loads the command that they name, and runs it. Returns the exit code. */
async function main(words: string[]): Promise<number> {
  // A reader that has seen enough, such as `head`, is no failure.
  process.stdout.on("error", (error: NodeJS.ErrnoException) => process.exit(error.code === "EPIPE" ? 0 : 1));
  try {
    const program = await programFor(words);
    await program.parseAsync(words, { from: "user" });
    return Number(process.exitCode ?? exitCode.ok);
  } catch (error) {
    return tell(error);
  }
}

/** Only the named command is loaded: each brings what it needs, and together they would take a second. */
async function programFor(words: string[]): Promise<Command> {
  const { Command } = await import("commander");
  const program = new Command("steward")
    .description("Runs the house while its owner is away: agents build, Steward proves, ships and watches.")
    .version(version, "-V, --version")
    .showSuggestionAfterError()
    .showHelpAfterError("`steward --help` lists the commands, `steward COMMAND --help` shows one.")
    .addHelpText(
      "after",
      "\nExit codes: 0 ok, 1 failed, 2 usage, 3 not found, 4 not allowed, 5 needs approval or conflicts, 6 unreachable.",
    );
  const load = Object.hasOwn(commands, words[0] ?? "") ? commands[words[0]!] : undefined;
  const files = load ? [load] : words[0] === "--version" || words[0] === "-V" ? [] : Object.values(commands);
  for (const file of await Promise.all(files.map((one) => one()))) file.register(program);
  for (const [heading, names] of Object.entries(groups))
    for (const command of program.commands) if (names.includes(command.name())) command.helpGroup(heading);
  return exitByThrowing(program);
}

function exitByThrowing(command: Command): Command {
  command.exitOverride().copyInheritedSettings(command.parent ?? command);
  for (const child of command.commands) exitByThrowing(child);
  return command;
}

/** A Failure's message is for the person as it stands; anything else is a bug, and shown whole. */
function tell(error: unknown): number {
  if (isCommanders(error)) return error.exitCode === 0 ? exitCode.ok : exitCode.usage;
  if (error instanceof Failure) {
    say(`steward: ${error.message}`);
    return failureExit[error.code];
  }
  say(`steward: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`);
  return exitCode.failed;
}

/** Commander has said on stderr what was wrong, or printed the help that was asked for. */
function isCommanders(error: unknown): error is Error & { exitCode: number } {
  return (
    error instanceof Error && "exitCode" in error && "code" in error && String(error.code).startsWith("commander.")
  );
}
