import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "rollback", {
    summary: "go back to the version before, or to a named one; what a hired agent deployed, by a ticket for one",
    example: "steward rollback quotes --to r2-1f3c9a",
  })
    .argument("<service>")
    .option("--to <version>", "`steward status --json` and the service's page list them")
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
