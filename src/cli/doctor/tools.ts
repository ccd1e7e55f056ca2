import { findOnPath, versionOf } from "#cli/programs.ts";
import { readStewardYaml } from "#workspace/steward-yaml.ts";
import { readWorkspace } from "#workspace/read-workspace.ts";
import { ok, warn, type Finding, type Patient } from "./finding.ts";

/** Programs that the work here needs: Python's only where a service is in Python. */
export async function checkTools({ settings: { workspace }, environment }: Patient): Promise<Finding[]> {
  const path = environment.PATH ?? "";
  const { services } = readWorkspace(workspace, readStewardYaml(workspace));
  const stacks = new Set(services.map(({ code, settings }) => code?.stack ?? settings.stack));
  return [
    await tool(path, "git", ["--version"], "agents' changes cannot be kept apart by it: install git"),
    ...(stacks.has("python") ? await python(path) : []),
    ...(stacks.has("node")
      ? [await tool(path, "npm", ["--version"], "Node services with dependencies cannot be proved: install npm")]
      : []),
  ];
}

async function python(path: string): Promise<Finding[]> {
  const interpreter = await tool(path, "python3", ["--version"], "Python services cannot be proved: install python3");
  if (interpreter.level !== "ok") return [interpreter];
  const modules = await Promise.all(
    ["pytest", "coverage"].map(async (name) => {
      const version = await versionOf("python3", ["-c", `import ${name}; print(${name}.__version__)`], path);
      return version === null
        ? warn(
            name,
            "not in the machine's own Python",
            `services that state it in their requirements bring it; for all others: python3 -m pip install ${name}`,
          )
        : ok(name, version);
    }),
  );
  return [interpreter, ...modules];
}

async function tool(path: string, name: string, words: string[], missing: string): Promise<Finding> {
  const found = await findOnPath(name, path);
  if (found === null) return warn(name, "not on PATH", missing);
  return ok(name, `${(await versionOf(found, words, path)) ?? "version unknown"} (${found})`);
}
