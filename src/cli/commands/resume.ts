import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "resume", {
    summary: "lift what `steward stop` set",
    example: "steward resume",
    exits: ["3 it is not stopped"],
  })
    .argument("[scope]", "as it was stopped; without one, everything")
    .action(async (scope: string | undefined, options: Common) => {
      const { resumeScope } = await import("#cli/stop-scope.ts");
      await resumeScope(scope, options);
    });
}
