import { mkdirSync, mkdtempSync, realpathSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { removeFolder } from "#system/testing.ts";

/** A tree of files by path; a path that ends in "/" is an empty folder. */
export type Files = Record<string, string | Buffer>;

/** A temporary folder with these files, removed after the test. Its real path. */
export function folderWith(test: Pick<TestContext, "after">, files: Files): string {
  const root = realpathSync(mkdtempSync(join(tmpdir(), "steward-tree-")));
  test.after(() => removeFolder(root));
  writeFiles(root, files);
  return root;
}

export function writeFiles(root: string, files: Files): void {
  for (const [path, content] of Object.entries(files)) {
    const full = join(root, path);
    mkdirSync(path.endsWith("/") ? full : dirname(full), { recursive: true });
    if (!path.endsWith("/")) writeFileSync(full, content);
  }
}

/** The files of one service, under SERVICES/<name>/. */
export function service(name: string, files: Files): Files {
  return Object.fromEntries(Object.entries(files).map(([path, content]) => [`SERVICES/${name}/${path}`, content]));
}

export const completeSpec = `# Quotes

## Purpose
Gives out quotes.

## Requirements
- Keep every quote.

## API Specs
### GET /quotes
Lists them.

## Dependencies
None

## Success Criteria
- \`GET /quotes\` answers 200.
`;

/** A Python build as the first coordinators asked for it. */
export const pythonBuild: Files = {
  "BUILD/src/main.py": "print('hello')\n",
  "BUILD/requirements.txt": "fastapi\n",
  "BUILD/Dockerfile": "FROM python\n",
  "BUILD/.env.example": "PORT=8000\n",
};
