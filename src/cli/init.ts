import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { Failure } from "#system/failure.ts";
import { initWorkspace, type InitFindings } from "#workspace/init.ts";
import type { Common } from "./command.ts";
import { findWorkspace } from "./find-workspace.ts";
import { table } from "./table.ts";
import { answer, say } from "./talk.ts";

export async function init(dir: string, options: Common & { dryRun?: true }): Promise<void> {
  const root = resolve(options.workspace ?? ".", dir);
  if (!existsSync(root)) {
    if (options.dryRun)
      throw new Failure("not_found", `There is no folder ${root}: without --dry-run it would be made, too.`);
    await mkdir(root, { recursive: true });
    say(`Made ${root}.`);
  }
  const found = await initWorkspace(root, { write: !options.dryRun, now: new Date() });
  for (const problem of found.problems) say(`steward: ${problem}`);
  answer(options.json, found, picture(found, options.dryRun === true));
}

function picture({ root, wrote, services, agents, git }: InitFindings, dry: boolean): string {
  const parts = [
    wrote.length === 0
      ? `${root} is a workspace already.`
      : `${dry ? "Would write" : "Wrote"} ${wrote.join(", ")} in ${root}.`,
    services.length === 0
      ? "No services yet: write a SPEC.md into a folder of SERVICES/."
      : table(
          ["SERVICE", "PHASE", "STACK", "WHY"],
          services.map(({ name, phase, stack, reasons }) => [name, phase, stack ?? "-", reasons[0] ?? ""]),
        ).trimEnd(),
    agents.length === 0
      ? "No agents of yours: the built-in builder writes plain Node services; name others under `agents:` in steward.yaml."
      : `Agents are named in ${agents.join(", ")}.`,
    ...(git ? [] : ["It is not in git: agents' changes are easier to see, and to undo, in a repository."]),
    `Next: \`steward up${root === findWorkspace(undefined) ? "" : ` --workspace ${root}`}\`.`,
  ];
  return parts.join("\n");
}
