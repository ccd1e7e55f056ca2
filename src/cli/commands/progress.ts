import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";
import { wholeNumber } from "#cli/whole-number.ts";

export function register(program: Command): void {
  begin(program, "progress", {
    summary: "for agents: say how far your run is",
    example: 'steward progress "12 of 15 tests pass" --percent 80',
    workspace: false,
  })
    .argument("<text>", "one line, as a person would say it")
    .option("--percent <number>", "0 to 100", wholeNumber(0, 100))
    .action(async (text: string, options: Common & { percent?: number }) => {
      const { sayProgress } = await import("#cli/speak-for-run.ts");
      await sayProgress(text, options);
    });
}
