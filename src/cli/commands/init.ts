import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "init", {
    summary: "turn a folder into a workspace, and say what is in it",
    example: "steward init --dry-run",
  })
    .argument("[dir]", "the folder", ".")
    .option("--dry-run", "write nothing, only say what would be")
    .action(async (dir: string, options: Common & { dryRun?: true }) => {
      const { init } = await import("#cli/init.ts");
      await init(dir, options);
    });
}
