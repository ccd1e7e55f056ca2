import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "worker", {
    summary: "share the work of a house on the same DATABASE_URL, until Ctrl-C",
    example: "DATABASE_URL=postgres://db/steward steward worker",
    exits: ["2 steward.yaml or the environment is wrong"],
  }).action(async (options: Common) => {
    const { settingsFor } = await import("#cli/connect.ts");
    const { talker } = await import("#cli/talk.ts");
    const { version } = await import("#system/version.ts");
    const { worker } = await import("#main.ts");
    const code = await worker(settingsFor(options), { version, say: talker(options.json) });
    process.exitCode = code;
    // What still waits for a database that is away must not keep the process.
    setTimeout(() => process.exit(code), 2_000).unref();
  });
}
