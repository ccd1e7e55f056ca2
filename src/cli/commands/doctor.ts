import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "doctor", {
    summary: "what is installed, what is missing, and what to do about it",
    example: "steward doctor",
    exits: ["1 something stands in the way"],
  }).action(async (options: Common) => {
    const { examine } = await import("#cli/doctor/examine.ts");
    await examine(options);
  });
}
