import { readFile } from "node:fs/promises";
import { dirname, join, posix } from "node:path";

/**
 * The files of code that sources load and that are no sources by their place: a folder of tests, of scripts, of
 * generated code. What a service runs is to be covered wherever it lies, or untested code would hide there. Followed
 * from file to file. Paths are relative to `top`, with "/".
 */
export async function importedFiles(
  top: string,
  {
    root,
    sources,
    files,
    stack,
  }: {
    /** Where the code is, relative to `top`: "" or "BUILD". */
    root: string;
    sources: readonly string[];
    files: ReadonlySet<string>;
    stack: string | null;
  },
): Promise<string[]> {
  const find = finders[stack ?? ""];
  if (find === undefined) return [];
  const known = new Set(sources);
  const waiting = [...sources];
  const found: string[] = [];
  for (let path = waiting.pop(); path !== undefined; path = waiting.pop()) {
    const text = await readFile(join(top, path), "utf8").catch(() => "");
    for (const candidate of find(text, { file: path, root })) {
      if (known.has(candidate) || !files.has(candidate)) continue;
      known.add(candidate);
      waiting.push(candidate);
      found.push(candidate);
    }
  }
  return found.toSorted();
}

type Place = { file: string; root: string };

/** By stack: the paths that a text may load. Most of them are not there, and the caller knows which are. */
const finders: Record<string, (text: string, place: Place) => Iterable<string>> = {
  node: scriptImports,
  python: pythonImports,
};

/** `from "./x.js"`, `import("../x.js")`, `require("./x")`, and `new URL("./x.js", import.meta.url)`, for workers. */
function* scriptImports(text: string, { file }: Place): Iterable<string> {
  for (const [, specifier] of text.matchAll(
    /\b(?:from|import|require|new\s+URL)\s*\(?\s*["'`](\.{1,2}\/[^"'`\n]{1,300})["'`]/g,
  )) {
    const path = posix.join(dirname(file), specifier!);
    if (/\.d\.[cm]?ts$/.test(path)) continue;
    if (/\.(?:[cm]?[jt]s|[jt]sx)$/.test(path)) yield path;
    // TypeScript names its sources by what they are compiled to.
    if (/\.[cm]?jsx?$/.test(path)) yield path.replace(/\.([cm]?)js(x?)$/, ".$1ts$2");
    for (const ending of [".js", ".cjs", ".ts", "/index.js", "/index.cjs", "/index.ts"]) yield path + ending;
  }
}

/** `import a.b`, `from a.b import c, d` and `from .b import c`, sought beside the file, in the root and in its src/. */
function* pythonImports(text: string, { file, root }: Place): Iterable<string> {
  const folders = [dirname(file), root, "", posix.join(root, "src")];
  for (const [, dots, from, names] of text.matchAll(
    /^[^#\n"']*?\bfrom[ \t]+(\.*)([\w.]*)[ \t]+import[ \t]+(\([^)]*\)|[^\n#;]+)/gm,
  )) {
    const parts = from === "" ? [] : from!.split(".");
    const last = names!.split(/[(),\s]+/).filter((name) => /^\w+$/.test(name) && name !== "as");
    const bases = dots === "" ? folders : [posix.join(dirname(file), "../".repeat(dots!.length - 1))];
    for (const base of bases) {
      yield* moduleAt(base, parts);
      for (const name of last) yield* moduleAt(base, [...parts, name]);
    }
  }
  for (const [, list] of text.matchAll(/^[^#\n"']*?\bimport[ \t]+([\w., \t]+)/gm)) {
    for (const name of list!.split(",").map((one) => one.trim().split(/\s/)[0]!)) {
      for (const base of folders) yield* moduleAt(base, name.split("."));
    }
  }
}

/** A module is a file, or a folder with __init__.py; each package above it is loaded, too. */
function* moduleAt(base: string, parts: readonly string[]): Iterable<string> {
  for (let length = 1; length <= parts.length; length += 1) {
    const path = posix.join(base, ...parts.slice(0, length));
    if (length === parts.length) yield `${path}.py`;
    yield `${path}/__init__.py`;
  }
}
