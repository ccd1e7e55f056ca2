// The smallest service that a spec can ask for, as an owner or an agent would write it by hand.
import type { Files } from "./house.fixture.ts";

/** Complete, and nothing that scaffold would build: what it asks cannot be shown by a route. */
export function smallSpec(name: string, { requirement = "It greets.", frontMatter = "" } = {}): string {
  return `${frontMatter === "" ? "" : `---\n${frontMatter}\n---\n\n`}# ${name}

## Purpose

To greet whoever asks, in words that ${name} chooses itself.

## Requirements

- ${requirement}
- It plays a melody over the loudspeakers of the house.

## API Specs

### GET /

Returns the greeting as text.

### GET /health

Returns 200.

## Dependencies

None.

## Success Criteria

- [ ] It greets
- [ ] Its tests pass
`;
}

/** Each sickness is one that services really have. */
export type Sickness = "none" | "never healthy" | "crashes" | "sick once told";

/**
 * What answers: the greeting and its release's version; `/crash` ends it, `/environment` shows what it was given. One that
 * is sick once it is told is so from when there is a file `sick` in its data, for good.
 */
export function smallCode({
  greeting = "hello",
  failing = false,
  sickness = "none" as Sickness,
  root = "",
} = {}): Files {
  const files: Files = {
    "package.json": `{ "name": "small", "private": true, "type": "module", "scripts": { "start": "node src/main.js", "test": "node --test" } }\n`,
    "src/greeting.js": `export function greeting(who) {\n  return \`${greeting}, \${who}\`;\n}\n`,
    "src/main.js": mainSource(sickness),
    "tests/greeting.test.js": testSource(greeting, failing),
    Dockerfile: 'FROM node:24-slim\nCOPY . .\nCMD ["node", "src/main.js"]\n',
    ".env.example": "PORT=8080\n",
  };
  return Object.fromEntries(Object.entries(files).map(([path, text]) => [`${root}${path}`, text]));
}

function mainSource(sickness: Sickness): string {
  const health = {
    none: `response.end("well")`,
    "never healthy": `(response.statusCode = 503), response.end("sick from the start")`,
    crashes: `response.end("well")`,
    "sick once told": `(response.statusCode = existsSync(process.env.DATA_DIR + "/sick") ? 503 : 200), response.end("well for a while")`,
  }[sickness];
  return `import { existsSync } from "node:fs";
import { createServer } from "node:http";
import { greeting } from "./greeting.js";
const version = process.env.SERVICE_VERSION ?? "by hand";
export const server = createServer((request, response) => {
  if (request.url === "/health") return ${health};
  if (request.url === "/crash") process.exit(7);
  if (request.url === "/environment") return response.end(JSON.stringify(process.env));
  response.end(greeting(version));
});
${sickness === "crashes" ? `console.log("no such table: greetings");\nif (process.env.SERVICE_VERSION) process.exit(3);\n` : ""}console.log("greeting as", version);
server.listen(Number(process.env.PORT ?? 0), process.env.HOST ?? "127.0.0.1");
`;
}

/** It drives the whole service, so that all its lines are covered. */
function testSource(greeting: string, failing: boolean): string {
  return `import { after, test } from "node:test";
import { equal } from "node:assert/strict";
import { once } from "node:events";
import { server } from "../src/main.js";
if (!server.listening) await once(server, "listening");
after(() => server.close());
const url = \`http://127.0.0.1:\${server.address().port}\`;
test("greets", async () => equal(await (await fetch(url)).text(), "${greeting}, by hand"));
test("answers its health check", async () => equal(typeof (await fetch(url + "/health")).status, "number"));
test("shows its environment", async () => equal((await fetch(url + "/environment")).status, 200));
${failing ? `test("adds up", () => equal(1 + 1, 3));\n` : ""}`;
}

/** Seeded ready-made: spec, code and tests, nothing left to build. */
export function readyService(
  name: string,
  options: Parameters<typeof smallCode>[0] & { frontMatter?: string } = {},
): Files {
  return { "SPEC.md": smallSpec(name, { frontMatter: options.frontMatter ?? "" }), ...smallCode(options) };
}
