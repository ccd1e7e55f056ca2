import { join } from "node:path";
import { findOnPath } from "#cli/programs.ts";
import { ok, warn, type Finding, type Patient } from "./finding.ts";

/** The programs that the owner hires, and the names of their environment that they ask for. */
export async function checkAgents({ rules, settings: { workspace }, environment }: Patient): Promise<Finding[]> {
  const hired = Object.entries(rules.agents);
  const findings = await Promise.all(
    hired.map(async ([name, { command, env }]) => [await program(name, command), ...unset(name, env)]),
  );
  if (hired.length === 0 && rules.built_in_builder)
    return [ok("agents", "the built-in builder; name others under `agents:` in steward.yaml")];
  if (hired.length === 0)
    return [
      warn(
        "agents",
        "there is nobody to hire",
        "name an agent under `agents:` in steward.yaml, or set built_in_builder: true",
      ),
    ];
  return findings.flat();

  async function program(name: string, command: string | string[]): Promise<Finding> {
    // A string is a line for the shell: its first word is what must be there, as far as can be seen.
    const word = (typeof command === "string" ? command.trim().split(/\s+/)[0] : command[0]) ?? "";
    const inside = word.replaceAll("{workspace}", workspace);
    const found = await findOnPath(
      inside.includes("/") ? join("/", inside.startsWith("/") ? inside : join(workspace, inside)) : inside,
      environment.PATH ?? "",
    );
    return found === null
      ? warn(
          `agent ${name}`,
          `its program ${word} is not on PATH`,
          "install it, or correct its command in steward.yaml",
        )
      : ok(`agent ${name}`, found);
  }

  function unset(name: string, names: string[]): Finding[] {
    return names
      .filter((one) => !environment[one])
      .map((one) =>
        warn(`agent ${name}`, `${one} is not set`, `set it where you start Steward, or take it out of the agent's env`),
      );
  }
}
