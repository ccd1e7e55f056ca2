import { readFile } from "node:fs/promises";
import { join, posix } from "node:path";
import { codeFiles, codeRoot, isIgnoredFolder, testFiles, type CodeRoot, type Tree } from "#proof/tree.ts";
import { stackOf } from "#proof/stack.ts";
import { shown, walkContent } from "#proof/walk-content.ts";
import { importedFiles } from "./imported-files.ts";

/** The service in its clean copy. Paths of files are relative to `top`, with "/". */
export type Project = {
  /** The copy of the service's folder. */
  top: string;
  base: CodeRoot;
  /** Where the code lives, and where tests are run: `top`, or its BUILD folder. */
  root: string;
  stack: string | null;
  files: ReadonlySet<string>;
  testFiles: string[];
  /** Every file of code that tests could cover, whether or not a test loads it, and what those files load. */
  sourceFiles: string[];
};

export async function openProject(top: string, statedStack?: string): Promise<Project> {
  const tree = await treeOf(top);
  const base = codeRoot(tree) ?? "";
  const stack = stackOf(tree, base, statedStack);
  const files = new Set(tree.files);
  const sources = codeFiles(tree, base)
    .filter((path) => isSource(path, stack))
    .map((path) => base + path);
  const entries = stack === "node" ? (await startedFiles(top, base)).filter((path) => files.has(path)) : [];
  const started = entries.filter((path) => !sources.includes(path));
  const roots = [...sources, ...started];
  const imported = await importedFiles(top, { root: base.slice(0, -1), sources: roots, files, stack });
  return {
    top,
    base,
    root: base === "" ? top : join(top, base.slice(0, -1)),
    stack,
    files,
    testFiles: testFiles(tree),
    sourceFiles: [...roots, ...imported],
  };
}

/** What package.json names as the service's own programs: they are its code, wherever they lie. */
async function startedFiles(top: string, base: CodeRoot): Promise<string[]> {
  const text = await readFile(join(top, base, "package.json"), "utf8").catch(() => "");
  const named = /"(?:start|main|bin)"\s*:\s*"([^"]{1,500})"/g;
  return [...text.matchAll(named)].flatMap(([, words]) =>
    words!
      .split(/[\s;&|]+/)
      .filter((word) => /\.[cm]?[jt]s$/.test(word))
      .map((word) => posix.join(base, word)),
  );
}

/** Unlike the quick look of a scan, this one is whole: code must not hide by lying deep. */
async function treeOf(top: string): Promise<Tree> {
  const files: string[] = [];
  const folders: string[] = [];
  for await (const entry of walkContent(top)) {
    const path = shown(entry.path);
    const parents = path.split("/").slice(0, entry.kind === "folder" ? undefined : -1);
    if (parents.some(isIgnoredFolder)) continue;
    if (entry.kind === "folder") folders.push(path);
    if (entry.kind === "file") files.push(path);
  }
  const names = [...files, ...folders].filter((path) => path.split("/").length <= 2);
  return { files: files.toSorted(), names, folders: folders.toSorted(), problems: [] };
}

const sources: Record<string, RegExp> = {
  node: /\.[cm]?[jt]s$/,
  python: /\.py$/,
};

/** Not what tests are for: settings, declarations, what a tool wrote, and what runs in a browser. */
const notCovered =
  /\.d\.[cm]?ts$|\.config\.[cm]?[jt]s$|(?:^|\/)\.[^/]*$|\.min\.js$|[.-]generated\.|(?:^|\/)(?:generated|migrations|public|static|assets|fixtures|__mocks__|bench)\/|(?:^|\/)(?:setup|conftest|noxfile)\.py$/;

function isSource(path: string, stack: string | null): boolean {
  const pattern = sources[stack ?? ""];
  return pattern !== undefined && pattern.test(path) && !notCovered.test(path);
}
