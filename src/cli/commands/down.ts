import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "down", {
    summary: "end the house: its server, its runs and its database; services in production go on",
    example: "steward down --services",
    exits: ["1 something could not be ended"],
  })
    .option("--services", "end the services in production too")
    .action(async (options: Common & { services?: true }) => {
      const { endHouse } = await import("#cli/end-house.ts");
      await endHouse(options);
    });
}
