import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";
import { wholeNumber } from "#cli/whole-number.ts";

export type DemoWords = Common & { exitWhenDone?: true; port?: number; keep?: true };

export function register(program: Command): void {
  begin(program, "demo", {
    summary: "watch three services go from a spec to production, in a scratch place",
    example: "steward demo --exit-when-done --json",
    workspace: false,
    exits: ["1 not all are in production and healthy"],
  })
    .option("--exit-when-done", "end when all are in production and healthy")
    .option("--port <number>", "serve on this port", wholeNumber(0, 65_535))
    .option("--keep", "leave the scratch place behind")
    .action(async (options: DemoWords) => {
      const { showDemo } = await import("#cli/show-demo.ts");
      await showDemo(options);
    });
}
