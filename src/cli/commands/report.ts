import { Argument, type Command } from "commander";
import { begin, type Common } from "#cli/command.ts";

export function register(program: Command): void {
  begin(program, "report", {
    summary: "for agents: say how your run ended; Steward looks for itself",
    example: 'steward report refused "the spec asks for a payment provider"',
    workspace: false,
  })
    .addArgument(new Argument("<outcome>").choices(["done", "failed", "refused"]))
    .argument("[reasons...]", "each one as a sentence that a person can act on")
    .action(async (outcome: "done" | "failed" | "refused", reasons: string[], options: Common) => {
      const { sayEnd } = await import("#cli/speak-for-run.ts");
      await sayEnd(outcome, reasons, options);
    });
}
