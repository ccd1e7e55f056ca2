import { lstatSync, realpathSync, statSync } from "node:fs";
import { basename } from "node:path";
import type { BuildClaim, RegistryFacts, SeenFacts, SpecFacts } from "#lines/service/facts.ts";
import { checkBuildFiles } from "#proof/build-files.ts";
import { findSpec } from "#proof/find-spec.ts";
import { isLeftOut } from "#proof/left-out.ts";
import { readTree } from "#proof/read-tree.ts";
import { readSpec, type Spec } from "#proof/spec-sections.ts";
import { codeFiles, testFiles, type CodeRoot, type Tree } from "#proof/tree.ts";
import { messageOf } from "#system/failure.ts";
import { isInside } from "#system/files.ts";
import { findBuildClaim } from "./build-claim.ts";
import { isProductionStatus } from "./registry-status.ts";
import { readText } from "./read-text.ts";
import { mergeSettings, type SettingsSource } from "./service-settings.ts";

export type ReadServiceOptions = {
  /** The workspace, as a real path: no link is followed out of it. */
  within: string;
  registry?: RegistryFacts | null;
  /** The service's section of steward.yaml. */
  stated?: Record<string, unknown>;
};

/** A spec beyond this is cut there, and says so: 1 MiB is a book of 500 pages. */
const specCap = 1 << 20;
/** Steward's line, and anybody's claim, stands near the top of a README. */
const readmeCap = 64 << 10;

/** Everything that a service's folder shows. Reads only, follows no link out, never throws: trouble becomes a reason. */
export function readService(path: string, { within, registry = null, stated = {} }: ReadServiceOptions): SeenFacts {
  const name = basename(path);
  const nothing = {
    name,
    path,
    spec: null,
    code: null,
    tests: 0,
    production: [],
    registry,
    claim: null,
    settings: {},
    problems: [],
  };
  const unreadable = whyUnreadable(path, within);
  if (unreadable !== null) return { ...nothing, unreadable };
  const tree = readTree(path, { within });
  if (tree.files.length + tree.folders.length === 0 && tree.problems.length > 0)
    return { ...nothing, unreadable: tree.problems[0]! };

  const problems = [...tree.problems];
  const { facts: spec, parsed } = readSpecFile(path, tree, within, problems);
  const sources: SettingsSource[] = [
    { from: "steward.yaml", values: stated },
    { from: `${spec?.file ?? "SPEC.md"} front matter`, values: parsed?.frontMatter.values ?? {} },
    { from: spec?.file ?? "SPEC.md", values: parsed?.port === undefined ? {} : { port: parsed.port } },
    {
      from: "the registry",
      values: registry === null ? {} : { port: registry.port, owner: registry.owner, status: registry.status },
    },
  ];
  const merged = mergeSettings(sources);
  problems.push(...merged.problems, ...(registry?.problems ?? []));
  const { settings } = merged;
  const build = checkBuildFiles(tree, settings);
  return {
    ...nothing,
    unreadable: null,
    spec,
    code: build.root === null ? null : { root: build.root, stack: build.stack, missing: build.missing },
    tests: build.root === null ? 0 : countTests(path, tree, build.root, build.stack, within),
    production: productionSigns(path, tree, within, registry),
    claim: readClaim(path, tree, within, problems),
    settings,
    problems,
  };
}

function whyUnreadable(path: string, within: string): string | null {
  try {
    const folder = lstatSync(path);
    if (folder.isDirectory()) return null;
    if (!isInside(within, realpathSync(path))) return "it is a link that leads out of the workspace: not followed";
    return statSync(path).isDirectory() ? null : "it is not a folder";
  } catch (error) {
    return `the folder cannot be read: ${messageOf(error)}`;
  }
}

function readSpecFile(
  path: string,
  tree: Tree,
  within: string,
  problems: string[],
): { facts: SpecFacts | null; parsed?: Spec } {
  const file = findSpec(tree);
  if (file === null) return { facts: null };
  const read = readText(`${path}/${file}`, { within, cap: specCap });
  if ("problem" in read) {
    return {
      facts: {
        file,
        title: null,
        complete: false,
        reasons: [],
        writtenAt: null,
        unreadable: `${file} ${read.problem}`,
      },
    };
  }
  if (read.truncated) problems.push(`${file} is larger than 1 MiB: only its beginning was read`);
  const parsed = readSpec(read.text, { file });
  const { title, complete, reasons } = parsed;
  return { facts: { file, title, complete, reasons, writtenAt: read.writtenAt, unreadable: null }, parsed };
}

function readClaim(path: string, tree: Tree, within: string, problems: string[]): BuildClaim | null {
  const file = tree.names.find((name) => /^readme(?:\.(?:md|markdown|txt|rst))?$/i.test(name));
  if (file === undefined) return null;
  const read = readText(`${path}/${file}`, { within, cap: readmeCap });
  if (!("problem" in read)) return findBuildClaim(read.text, read.writtenAt);
  problems.push(`${file} ${read.problem}`);
  return null;
}

/** Rust's unit tests live beside the code they test, so there the files are opened: a few, and only their beginnings. */
function countTests(path: string, tree: Tree, root: CodeRoot, stack: string | null, within: string): number {
  const files = testFiles(tree);
  if (files.length > 0 || stack !== "rust") return files.length;
  return codeFiles(tree, root)
    .filter((file) => file.endsWith(".rs"))
    .slice(0, 50)
    .filter((file) => {
      const read = readText(`${path}/${root}${file}`, { within, cap: 256 << 10 });
      return !("problem" in read) && /#\[(?:\w+::)?test\]/.test(read.text);
    }).length;
}

function productionSigns(path: string, tree: Tree, within: string, registry: RegistryFacts | null): string[] {
  const signs: string[] = [];
  const held = tree.names.filter((name) => name.startsWith("PRODUCTION/") && !isLeftOut(name, "file"));
  // A log tells of deployments that failed, too, and a record of one that ended: they show nothing by themselves.
  const others = held.filter((name) => name !== RECORD && name !== "PRODUCTION/deployment_log.md");
  if (tree.files.includes(RECORD) && !isOver(path, within)) signs.push("PRODUCTION/ has a record of its deployment");
  else if (tree.folders.includes("PRODUCTION") && (held.length === 0 || others.length > 0))
    signs.push("PRODUCTION/ exists");
  if (registry?.status != null && !registry.ours && isProductionStatus(registry.status))
    signs.push(`the registry says "${registry.status}"`);
  return signs;
}

const RECORD = "PRODUCTION/deployed_config.json";

/** True if the record itself says that what it records serves no more. One that cannot be read says nothing against it. */
function isOver(path: string, within: string): boolean {
  const read = readText(`${path}/${RECORD}`, { within, cap: 1 << 20 });
  if ("problem" in read) return false;
  try {
    const { status } = JSON.parse(read.text) as { status?: unknown };
    return typeof status === "string" && /^(?:failed|stopped)\b/i.test(status.trim());
  } catch {
    return false;
  }
}
