import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  const queue = program.command("queue").description("the build queue: the tasks in BUILD_QUEUE.md");
  begin(queue, "check", {
    summary: "say of every task whether it may start now, and why; reads files alone, changes and runs nothing",
    example: "steward queue check BUILD_QUEUE.md",
    json: "print what was decided of each task, with the facts",
    exits: ["3 there is no such file"],
  })
    .argument("[file]", "a queue; else BUILD_QUEUE.md of the workspace")
    .option("--at <time>", "decide as of another moment, such as 2026-03-29T02:30:00+01:00")
    .action(async (file: string | undefined, options: Common & { at?: string }) => {
      const { checkQueue } = await import("#cli/check-queue.ts");
      await checkQueue(file, options);
    });
}
