import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "up", {
    summary: "start the house for this workspace, until Ctrl-C",
    example: "steward up --workspace ~/work",
    exits: ["2 steward.yaml or the environment is wrong", "5 Steward or something else has its place"],
  }).action(async (options: Common) => {
    const { settingsFor } = await import("#cli/connect.ts");
    const { talker } = await import("#cli/talk.ts");
    const { version } = await import("#system/version.ts");
    const { up } = await import("#main.ts");
    const code = await up(settingsFor(options), { version, say: talker(options.json) });
    process.exitCode = code;
    // What still waits for a database that is away must not keep the process.
    setTimeout(() => process.exit(code), 2_000).unref();
  });
}
