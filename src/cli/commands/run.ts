import type { Command } from "commander";
import { asksService, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "run", {
    summary: "try a service again: earlier failures no longer count, its next step is asked for now",
    example: "steward run quotes",
    exits: asksService,
  })
    .argument("<service>", "the name of its folder")
    .action(async (name: string, options: Common) => {
      const { connect } = await import("#cli/connect.ts");
      const { finish } = await import("#cli/finish.ts");
      const { client } = await connect(options);
      finish(options.json, await client.services.run({ name }));
    });
}
