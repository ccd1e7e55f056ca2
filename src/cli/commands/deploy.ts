import type { Command } from "commander";
import { asksService, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "deploy", {
    summary: "release what was proved, or have a hired agent deploy it; a sick release is rolled back by itself",
    example: "steward deploy quotes",
    exits: ["1 not released", "5 something else is at work on it", ...asksService],
  })
    .argument("<service>", "the name of its folder")
    .option("--no-wait", "only ask for it")
    .action(async (name: string, options: Common & { wait: boolean }) => {
      const { deployService } = await import("#cli/ask-and-wait.ts");
      await deployService(name, options);
    });
}
