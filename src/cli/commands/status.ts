import type { Command } from "commander";
import { asksHouse, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "status", {
    summary: "where every service stands, what it waits for, and what waits for you",
    example: "steward status --watch",
    exits: asksHouse,
  })
    .option("--watch", "draw it again whenever something happens")
    .action(async (options: Common & { watch?: true }) => {
      const { showStatus } = await import("#cli/show-status.ts");
      await showStatus(options);
    });
}
