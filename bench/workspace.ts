import { mkdir, rename, writeFile } from "node:fs/promises";
import { join } from "node:path";

/** A spec with every section, so that its service is ready to be built. Each is a little different. */
export const completeSpec = (name: string): string => `# ${name}

Keeps notes for the house.

## Purpose

Other services write down here what must not be forgotten, and the owner reads it.

## Requirements

- Notes can be recorded with \`POST /notes\`.
- Notes can be listed, newest first.
- Notes are kept on disk.

## API Specs

### POST /notes

\`\`\`json
{ "text": "${name} was here" }
\`\`\`

### GET /notes

Lists notes, newest first.

## Dependencies

None.

## Success Criteria

- A note that was recorded is listed.
- A note without a text is refused with 400.

## Tech Stack

Node.js, no packages.
`;

export const incompleteSpec = (name: string): string => `# ${name}\n\n## Purpose\n\n[What problem does it solve?]\n`;

/** A service that has all that its tests can be run on; each of its tests takes two minutes. */
export async function writeSlowService(folder: string, name: string): Promise<void> {
  const files: Record<string, string> = {
    "package.json": `{ "name": "${name}", "version": "1.0.0", "type": "module", "scripts": { "test": "node --test" } }\n`,
    "src/index.js": `export const name = ${JSON.stringify(name)};\n`,
    "tests/slow.test.js": `import test from "node:test";\nimport { name } from "../src/index.js";\ntest(name, () => new Promise((resolve) => setTimeout(resolve, 120_000)));\n`,
    Dockerfile: "FROM node:24\nCOPY . .\n",
    ".env.example": "PORT=8000\n",
    "README.md": `# ${name}\n`,
    "SPEC.md": completeSpec(name),
  };
  await writeFiles(folder, files);
}

export async function writeFiles(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(join(folder, path, ".."), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** As editors save: whole, under another name, then renamed. */
export async function saveWhole(path: string, text: string): Promise<void> {
  await writeFile(`${path}.tmp`, text);
  await rename(`${path}.tmp`, path);
}
