import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "check", {
    summary: "have Steward prove a service now: its build and its tests, in a clean copy",
    example: "steward check quotes",
  })
    .argument("<service>")
    .option("--no-wait", "only ask for it")
    .action(async (name: string, options: Common & { wait: boolean }) => {
      const { checkService } = await import("#cli/ask-and-wait.ts");
      await checkService(name, options);
    });
}
