import { existsSync } from "node:fs";
import { mkdir, realpath, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { detectPhase, type PhaseVerdict } from "#lines/service/phase.ts";
import { nothingKnown } from "#lines/service/facts.ts";
import { hasErrorCode } from "#system/failure.ts";
import { readStewardYaml, stewardYamlName } from "./steward-yaml.ts";
import { readWorkspace } from "./read-workspace.ts";

export type InitFindings = {
  root: string;
  /** The folder of services. */
  folder: string;
  /** What was written, or would be with `write`; relative to the root. */
  wrote: string[];
  services: { name: string; phase: PhaseVerdict["phase"]; stack: string | null; reasons: string[] }[];
  /** Where agents are configured already: "steward.yaml", "claude_sessions.json". */
  agents: string[];
  git: boolean;
  problems: string[];
};

/**
 * Turns a folder into a workspace, and says what is in it: a commented steward.yaml and a SERVICES/ folder where there
 * are none. Never overwrites anything. Fails with "not_found" if `dir` is no folder.
 */
export async function initWorkspace(dir: string, { write, now }: { write: boolean; now: Date }): Promise<InitFindings> {
  const settings = readStewardYaml(dir);
  const workspace = readWorkspace(dir, settings);
  const root = await realpath(dir);
  const services = workspace.services.map((seen) => {
    const { phase, reasons } = detectPhase(
      { seen, known: { ...nothingKnown, draftingAllowed: settings.drafting } },
      { now },
    );
    return { name: seen.name, phase, stack: seen.code?.stack ?? null, reasons };
  });
  // A folder that holds nothing but its source files is not turned into a service of each of its folders.
  const ownFolder = workspace.folder === root && services.some(({ phase }) => phase !== "NEEDS_SPEC");
  const wrote: string[] = [];
  if (await makeFile(join(root, stewardYamlName), template(ownFolder ? "." : (settings.services ?? "SERVICES")), write))
    wrote.push(stewardYamlName);
  const folder =
    workspace.folder === root && !ownFolder ? join(root, settings.services ?? "SERVICES") : workspace.folder;
  if (!existsSync(folder)) {
    if (write) await mkdir(folder, { recursive: true });
    wrote.push(`${folder.slice(root.length + 1)}/`);
  }
  return {
    root,
    folder,
    wrote,
    services: workspace.folder === folder ? services : [],
    agents: [
      ...(settings.hasAgents ? [stewardYamlName] : []),
      ...["claude_sessions.json"].filter((name) => existsSync(join(root, name))),
    ],
    git: isInGit(root),
    problems: [...settings.problems, ...workspace.problems],
  };
}

/** True if there was no such file. Written with "wx", so that one that appears meanwhile is kept. */
async function makeFile(path: string, text: string, write: boolean): Promise<boolean> {
  if (!write) return !existsSync(path);
  try {
    await writeFile(path, text, { flag: "wx" });
    return true;
  } catch (error) {
    if (hasErrorCode(error, "EEXIST")) return false;
    throw error;
  }
}

function isInGit(folder: string): boolean {
  return existsSync(join(folder, ".git")) || (dirname(folder) !== folder && isInGit(dirname(folder)));
}

const template = (
  services: string,
): string => `# Steward's settings for this workspace. Saved changes are taken up while it runs.

# The folder whose children are services, each with its SPEC.md.
services: ${services}

# May agents write a spec that is missing or incomplete, and have it built? It is asked of an agent that can "architect".
# What you have written stays, and front matter is yours alone.
drafting: false

# May Steward release services on this machine once its gates are green? This is the standing approval for it.
# deploy: { target: process }

# Where, beside this machine, an agent with the capability "devops" may deploy services that have no such target.
# deploy_hosts: ["quotes.example.org", "*.example.org"]

# What you want to say about single services, by folder name. A spec's front matter may say the same.
# service:
#   quotes:
#     port: 8101
#     test: npm test          # the command that runs its tests
#     coverage_floor: 80      # percent of lines
#     start: node src/main.js
#     health_path: /health
#     owner: you@example.com

# Programs that you hire. Each gets its ticket on stdin and as a file.
# agents:
#   my-builder:
#     command: ["my-agent", "--non-interactive"]
#     capabilities: [builder, tester, fixer]   # architect and devops are the others
`;
