import type { Command } from "commander";
import { asksService, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "check", {
    summary: "have Steward prove a service now: its build and its tests, in a clean copy",
    example: "steward check quotes",
    exits: ["1 not proved", ...asksService],
  })
    .argument("<service>", "the name of its folder")
    .option("--no-wait", "only ask for it")
    .action(async (name: string, options: Common & { wait: boolean }) => {
      const { checkService } = await import("#cli/ask-and-wait.ts");
      await checkService(name, options);
    });
}
