import type { Command } from "commander";
import { asksService, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "rollback", {
    summary: "go back to the version before, or to a named one; what a hired agent deployed, by a ticket for one",
    example: "steward rollback quotes --to v1",
    exits: ["1 it did not go back", ...asksService],
  })
    .argument("<service>", "the name of its folder")
    .option("--to <version>", "such as v1; the service's PRODUCTION/deployment_log.md lists them")
    .action(async (name: string, options: Common & { to?: string }) => {
      const { connect } = await import("#cli/connect.ts");
      const { finish } = await import("#cli/finish.ts");
      const { client } = await connect(options);
      finish(
        options.json,
        await client.services.rollback({ name, ...(options.to === undefined ? {} : { version: options.to }) }),
      );
    });
}
