import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  const audit = program
    .command("audit")
    .description("the ledger: every decision, in a chain that shows when it was tampered with");
  begin(audit, "verify", {
    summary: "walk the whole chain and name the first bad row",
    example: "steward audit verify",
    exits: ["1 it was changed"],
  }).action(async (options: Common) => {
    const { verifyAudit } = await import("#cli/verify-audit.ts");
    await verifyAudit(options);
  });
}
