import type { Command } from "commander";
import { asksHouse, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "agents", {
    summary: "who can work: what each can do, does now, and how its work turned out",
    example: "steward agents",
    exits: asksHouse,
  }).action(async (options: Common) => {
    const { showAgents } = await import("#cli/show-agents.ts");
    await showAgents(options);
  });
}
