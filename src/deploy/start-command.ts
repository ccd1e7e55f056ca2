import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { readTree } from "#proof/read-tree.ts";
import { codeRoot } from "#proof/tree.ts";
import { SickRelease } from "./sick-release.ts";

/** How a release is started. `folder` is relative to the release. Either a program with arguments, or a shell line. */
export type StartCommand = { folder: string; program: string[] } | { folder: string; shell: string };

/** Stands for the Node that runs Steward: a service runs on the version that it was proved on, not on what PATH has. */
export const OUR_NODE = "node";

const NODE_ENTRIES = [
  "src/main.js",
  "src/main.mjs",
  "src/index.js",
  "src/index.mjs",
  "server.js",
  "server.mjs",
  "index.js",
];
const PYTHON_ENTRIES = ["src/main.py", "app/main.py", "main.py"];

/**
 * How to start what lies in `release`: as the owner says, or else by its stack. The code is at the root or in BUILD/.
 * Throws a SickRelease that says what to set where it cannot be told.
 */
export async function startCommandOf(
  release: string,
  { service, start }: { service: string; start?: string | undefined },
) {
  const folder = codeFolder(release);
  if (start !== undefined && start.trim() !== "") return { folder, shell: start } satisfies StartCommand;
  const found = (await nodeStart(join(release, folder))) ?? (await pythonStart(join(release, folder)));
  if (found !== null) return { folder, program: found } satisfies StartCommand;
  throw new SickRelease(
    "invalid",
    `How ${service} is started cannot be told: no plain "node …" start script, main, ${NODE_ENTRIES[0]}, ` +
      `server.js or src/main.py. Set \`start:\` in the service's steward.yaml, for example: start: node src/main.js`,
  );
}

/** "" or "BUILD": where the code is, by the rule of the gates, so that what runs is what was proved. */
export function codeFolder(release: string): string {
  return (codeRoot(readTree(release)) ?? "").replace(/\/$/, "");
}

async function nodeStart(folder: string): Promise<string[] | null> {
  const manifest = await manifestIn(folder);
  const script = manifest?.scripts?.["start"];
  // Only words: what a shell would have to interpret is for `start:` in steward.yaml.
  if (typeof script === "string" && /^node(\s+[\w@%+=:,./-]+)+$/.test(script.trim())) {
    return [OUR_NODE, ...script.trim().split(/\s+/).slice(1)];
  }
  if (typeof manifest?.main === "string" && (await isFile(join(folder, manifest.main))))
    return [OUR_NODE, manifest.main];
  for (const entry of NODE_ENTRIES) if (await isFile(join(folder, entry))) return [OUR_NODE, entry];
  return null;
}

async function manifestIn(folder: string): Promise<{ main?: unknown; scripts?: Record<string, unknown> } | null> {
  try {
    return JSON.parse(await readFile(join(folder, "package.json"), "utf8"));
  } catch {
    // None, or one that is not JSON: then the entry files decide.
    return null;
  }
}

async function pythonStart(folder: string): Promise<string[] | null> {
  const entry = await firstFile(folder, PYTHON_ENTRIES);
  if (entry === null) return null;
  const python = (await isFile(join(folder, ".venv/bin/python"))) ? join(".venv", "bin", "python") : "python3";
  const requirements = await textOrEmpty(join(folder, "requirements.txt"));
  const source = await textOrEmpty(join(folder, entry));
  if (/^uvicorn\b/im.test(requirements) && /^app\b.*=/m.test(source)) {
    const module = entry.slice(0, -".py".length).replaceAll("/", ".");
    return [python, "-m", "uvicorn", `${module}:app`, "--host", "127.0.0.1", "--port", PORT_WORD];
  }
  return [python, entry];
}

/** Replaced by the private port in the arguments of a program that does not read PORT itself. */
export const PORT_WORD = "{PORT}";

async function firstFile(folder: string, names: string[]): Promise<string | null> {
  for (const name of names) if (await isFile(join(folder, name))) return name;
  return null;
}

async function isFile(path: string): Promise<boolean> {
  return stat(path).then(
    (found) => found.isFile(),
    () => false,
  );
}

async function textOrEmpty(path: string): Promise<string> {
  return readFile(path, "utf8").catch(() => "");
}
