import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { join } from "node:path";
import type { FileCoverage } from "#proof/verdict.ts";
import type { Project } from "./project.ts";

/**
 * The source files that a coverage report does not name: no test ever loaded them, so none of their lines is covered.
 * Node itself leaves them out, and 200 untested lines then read as 100 %.
 */
export async function neverLoaded(project: Project, measured: readonly FileCoverage[]): Promise<FileCoverage[]> {
  const named = new Set(measured.map(({ file }) => file));
  const absent: FileCoverage[] = [];
  for (const file of project.sourceFiles) {
    if (named.has(file)) continue;
    const total = runnableLines(file, await readFile(join(project.top, file), "utf8"));
    if (total > 0) absent.push({ file, covered: 0, total });
  }
  return absent;
}

/**
 * All lines of a script, as Node counts them, and the lines with code of anything else. None for a file that has only
 * types or comments, which nothing can ever load.
 */
function runnableLines(path: string, text: string): number {
  if (path.endsWith(".py")) return text.split("\n").filter((line) => /^\s*[^#\s]/.test(line)).length;
  const code = (path.endsWith("ts") ? withoutTypes(text) : text)
    .replaceAll(/\/\*[\s\S]*?\*\/|\/\/[^\n]*/g, "")
    .replaceAll(/^\s*export\s*\{\s*\}\s*;?\s*$/gm, "");
  return code.trim() === "" ? 0 : text.split("\n").length;
}

function withoutTypes(text: string): string {
  try {
    return stripTypeScriptTypes(text);
  } catch {
    // Syntax that Node cannot strip: it counts as code.
    return text;
  }
}
