import type { Command } from "commander";
import { asksService, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "logs", {
    summary: "what a run wrote, or what a service in production writes",
    example: "steward logs quotes --follow",
    exits: asksService,
  })
    .argument("<name>", "a service, for its last run, or a run's id")
    .option("-f, --follow", "go on as it is written, until the run has ended")
    .option("--production", "the log of the service's release")
    .action(async (name: string, options: Common & { follow?: true; production?: true }) => {
      const { showProductionLog, showRunLog } = await import("#cli/show-logs.ts");
      await (options.production ? showProductionLog(name, options) : showRunLog(name, options));
    });
}
