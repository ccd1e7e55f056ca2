import type { Command } from "commander";
import { asksHouse, begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "decline", {
    summary: "say no to what waits for you",
    example: "steward decline 0199c0de-7000-7000-8000-000000000000",
    exits: ["3 nothing of that id waits", "5 it is decided already", ...asksHouse],
  })
    .argument("<id>", "as `steward status` shows it; its beginning is enough if only one begins so")
    .action(async (id: string, options: Common) => {
      const { decideApproval } = await import("#cli/decide-approval.ts");
      await decideApproval("decline", id, options);
    });
}
