import type { Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  const audit = program.command("audit").description("the ledger");
  begin(audit, "verify", {
    summary: "walk the whole chain and name the first bad row",
    example: "steward audit verify",
  }).action(async (options: Common) => {
    const { verifyAudit } = await import("#cli/verify-audit.ts");
    await verifyAudit(options);
  });
}
