import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "heartbeat", {
    summary: "for agents: say that your run is at work",
    example: "steward heartbeat",
    workspace: false,
  }).action(async (options: Common) => {
    const { sayAlive } = await import("#cli/speak-for-run.ts");
    await sayAlive(options);
  });
}
