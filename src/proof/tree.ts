import { isToolFolder } from "./tool-folders.ts";

/**
 * The files of one service, as detection and the gates both see them: paths from the service's folder, with "/",
 * without what is installed, generated or hidden away (`isIgnoredFolder`) and without what a link leads to outside.
 */
export type Tree = {
  files: readonly string[];
  /** Every name near the top (the folder's own and one below), whatever it is: a spec may turn out to be a pipe. */
  names: readonly string[];
  /** Without a "/" at the end. */
  folders: readonly string[];
  /** What could not be read, and why; each one a sentence. */
  problems: readonly string[];
};

/** Not written by whoever builds the service, and often huge: never looked into, as the folders of tools are not. */
const generatedFolders: ReadonlySet<string> = new Set([
  "bower_components",
  "vendor",
  "env",
  "virtualenv",
  "site-packages",
  "target",
  "dist",
  "build",
  "coverage",
]);

/** Hidden folders (.git, .venv, .steward) are ignored as well: nothing that detection asks for lives in one. */
export const isIgnoredFolder = (name: string): boolean =>
  name.startsWith(".") || isToolFolder(name) || generatedFolders.has(name);

/** Where the code lives: "BUILD/" if there is code in it, else "" for the service's own folder. */
export type CodeRoot = "" | `${string}/`;

const sourceEnding =
  /\.(?:py|m?[jt]s|c[jt]s|[jt]sx|go|rs|rb|php|java|kts?|cs|c|cc|cpp|h|hpp|swift|scala|exs?|erl|clj|dart|lua|vue|svelte|zig|sh)$/;
export const manifests = {
  python: ["pyproject.toml", "setup.py", "requirements.txt", "setup.cfg", "Pipfile"],
  node: ["package.json"],
  go: ["go.mod"],
  rust: ["Cargo.toml"],
} as const;
const otherManifests = [
  "pom.xml",
  "build.gradle",
  "build.gradle.kts",
  "Gemfile",
  "composer.json",
  "mix.exs",
  "deno.json",
];
const everyManifest = new Set<string>([...Object.values(manifests).flat(), ...otherManifests]);

/** Folders of a service that hold no code of its own. */
const besideCode = /^(?:docs?|specs?|SPECS?|DOCS?|PRODUCTION|examples?|scripts|tools|\.[^/]*)\//;

/** The code's own files below its root: sources and manifests, without tests. */
export function codeFiles(tree: Tree, root: CodeRoot): string[] {
  return filesBelow(tree, root).filter(
    (path) =>
      !besideCode.test(path) &&
      !isTestPath(path) &&
      (everyManifest.has(path) || (sourceEnding.test(path) && path !== "setup.py")),
  );
}

export function codeRoot(tree: Tree): CodeRoot | null {
  const build = tree.folders.find((folder) => /^build$/i.test(folder));
  if (build !== undefined && codeFiles(tree, `${build}/`).length > 0) return `${build}/`;
  return codeFiles(tree, "").length > 0 ? "" : null;
}

/** The files below a folder, as paths from it. */
export function filesBelow(tree: Tree, root: string): string[] {
  return root === ""
    ? [...tree.files]
    : tree.files.filter((path) => path.startsWith(root)).map((path) => path.slice(root.length));
}

/** A file of tests, or one in a folder of tests. */
function isTestPath(path: string): boolean {
  return /(?:^|\/)(?:tests?|__tests__|spec|e2e)\//.test(path) || isTestName(path.slice(path.lastIndexOf("/") + 1));
}

const isTestName = (name: string): boolean =>
  /^test_.*\.py$|_test\.(?:py|go|rb|exs|dart)$|[.-](?:test|spec)\.[cm]?[jt]sx?$|_spec\.rb$|Tests?\.(?:java|kt|cs|php)$/.test(
    name,
  ) || name === "tests.py";

/** The files that really hold tests: not their helpers, fixtures and settings. */
export function testFiles(tree: Tree): string[] {
  return tree.files.filter((path) => {
    const name = path.slice(path.lastIndexOf("/") + 1);
    if (/(?:^|\/)(?:fixtures?|helpers?|support|mocks?|__mocks__|data|snapshots)\//.test(path)) return false;
    if (isTestName(name)) return true;
    if (!isTestPath(path) || !sourceEnding.test(name) || name.endsWith(".py")) return false;
    return !/^(?:index|setup|helpers?|utils?|common|conftest|fixtures?|mod|jest\.|vitest\.)/.test(name);
  });
}
