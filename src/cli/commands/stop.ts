import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

type Options = Common & { reason: string; production?: true };

export function register(program: Command): void {
  begin(program, "stop", {
    summary: "stop everything, or one scope: nothing in it starts any more, and what runs is ended",
    example: 'steward stop agent:scaffold --reason "too slow"',
    exits: ["3 there is no such scope"],
  })
    .argument("[scope]", "agent:NAME, client:NAME, line:service, run:ID or a service; without one, everything")
    .option("--reason <text>", "why, for the record", "stopped by the owner")
    .option(
      "--production",
      "end the service's release instead; what a hired agent deployed, once you have ended it there",
    )
    .action(async (scope: string | undefined, options: Options) => {
      const { stopProduction, stopScope } = await import("#cli/stop-scope.ts");
      await (options.production ? stopProduction(scope, options) : stopScope(scope, options));
    });
}
