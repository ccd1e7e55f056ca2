import { join } from "node:path";
import { parse } from "yaml";
import { messageOf } from "#system/failure.ts";
import { readText } from "./read-text.ts";

/** What an offline reader needs of steward.yaml. Everything else in it is the configuration's. */
export type StewardYaml = {
  /** The folder of services. */
  services?: string;
  /** Settings of single services, by folder name. */
  stated: Record<string, Record<string, unknown>>;
  /** Agents may write specs that are missing or incomplete. */
  drafting: boolean;
  hasAgents: boolean;
  /** A deploy target is declared for it, so that Steward deploys it itself. */
  hasDeployTarget: (service: string) => boolean;
  problems: string[];
};

export const stewardYamlName = "steward.yaml";

const nothingSaid: StewardYaml = {
  stated: {},
  drafting: false,
  hasAgents: false,
  hasDeployTarget: () => false,
  problems: [],
};

/** Reads a workspace's steward.yaml, as far as it can be read: what cannot is a problem, and counts as not said. */
export function readStewardYaml(dir: string): StewardYaml {
  const read = readText(join(dir, stewardYamlName), { within: dir, cap: 1 << 20 });
  if ("problem" in read) {
    return read.problem.endsWith("it is not there")
      ? nothingSaid
      : { ...nothingSaid, problems: [`${stewardYamlName} ${read.problem}`] };
  }
  try {
    const value: unknown = parse(read.text, { logLevel: "error" });
    return value === null || value === undefined ? nothingSaid : understand(value);
  } catch (error) {
    return { ...nothingSaid, problems: [`${stewardYamlName} is not YAML: ${messageOf(error).split("\n")[0]}`] };
  }
}

/**
 * `services: FOLDER`, with settings by name under `service:`; or `services:` as settings by name, with `folder:` among
 * them.
 */
function understand(value: unknown): StewardYaml {
  const problems: string[] = [];
  if (!isObject(value)) return { ...nothingSaid, problems: [`${stewardYamlName} must be keys and values`] };
  const { services, service, agents, deploy, drafting = false } = value;
  const hasAgents = (isObject(agents) || Array.isArray(agents)) && Object.keys(agents).length > 0;
  const folder = typeof services === "string" ? services : isObject(services) ? services.folder : undefined;
  if (folder !== undefined && typeof folder !== "string")
    problems.push(`${stewardYamlName}: services.folder must be a path`);
  if (typeof drafting !== "boolean") problems.push(`${stewardYamlName}: drafting must be true or false`);
  const stated: StewardYaml["stated"] = {};
  for (const section of [services, service]) {
    if (!isObject(section)) continue;
    for (const [name, settings] of Object.entries(section)) {
      if (isObject(settings)) stated[name] = settings;
      else if (name !== "folder" && settings !== null)
        problems.push(`${stewardYamlName}: ${name} must be keys and values`);
    }
  }
  return {
    ...(typeof folder === "string" ? { services: folder } : {}),
    stated,
    drafting: drafting === true,
    hasAgents,
    hasDeployTarget: (name) => isObject(stated[name]?.deploy ?? deploy),
    problems,
  };
}

const isObject = (value: unknown): value is Record<string, unknown> =>
  typeof value === "object" && value !== null && !Array.isArray(value);
