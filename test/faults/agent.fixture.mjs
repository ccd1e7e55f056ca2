// An agent of the fault tests: builds a small service in a moment, and writes down each of its starts in a file outside of
// the workspace, with every other agent that it finds at work on the same service: there must never be one.
//
//   node agent.fixture.mjs STARTS_FILE
//
// The spec may say "Takes N ms." (it works that long), "Leaves a child." (a process of a session of its own stays
// behind) and "Fails once with bytes." (with words that no database takes).

import { spawn } from "node:child_process";
import { appendFileSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { setTimeout as pause } from "node:timers/promises";

const [startsFile] = process.argv.slice(2);
const run = process.env.STEWARD_RUN;
const service = process.env.STEWARD_SERVICE;
const spec = readFileSync("SPEC.md", "utf8");

if (process.argv[3] === "child") {
  await pause(10 * 60_000);
  process.exit();
}

const child = /Leaves a child\./.test(spec)
  ? spawn(process.execPath, [import.meta.filename, startsFile, "child"], { detached: true, stdio: "ignore" })
  : null;
child?.unref();
const first = !readFileSync(startsFile, "utf8").includes(`"service":"${service}"`);
const start = { run, service, pid: process.pid, child: child?.pid ?? null, at: Date.now(), others: othersAtWork() };
appendFileSync(startsFile, `${JSON.stringify(start)}\n`);

if (!/Revision \d+\./.test(spec)) {
  const refusal = { outcome: "refused", reasons: ["the spec names no revision"] };
  writeFileSync(process.env.STEWARD_REPORT_FILE, JSON.stringify(refusal));
  process.exit();
}
if (first && /Fails once with bytes\./.test(spec)) {
  process.stdout.write(Buffer.from("null \u0000, half \xed\xa0\x80 of a pair\n", "latin1"));
  writeFileSync(
    process.env.STEWARD_REPORT_FILE,
    JSON.stringify({ outcome: "failed", reasons: ["null \u0000, half \ud800 of a pair"] }),
  );
  process.exit(1);
}
await pause(Number(/Takes (\d+) ms\./.exec(spec)?.[1] ?? 0));
for (const [path, text] of Object.entries(files(/Revision (\d+)\./.exec(spec)?.[1] ?? "0"))) {
  mkdirSync(path.slice(0, path.lastIndexOf("/")), { recursive: true });
  writeFileSync(path, text);
}
process.stdout.write(Buffer.from("null \u0000, half \xed\xa0\x80 of a pair\n", "latin1"));
process.stdout.write("built\n");

/** Processes that carry this service's name and another run's mark. */
function othersAtWork() {
  const mine = new Set([process.pid, child?.pid]);
  return readdirSync("/proc").flatMap((pid) => {
    if (!/^\d+$/.test(pid) || mine.has(Number(pid))) return [];
    try {
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const other = environment.find((entry) => entry.startsWith("STEWARD_RUN="))?.slice("STEWARD_RUN=".length);
      const here = environment.includes(`STEWARD_TICKET_FILE=${process.env.STEWARD_TICKET_FILE}`);
      const same =
        environment.includes(`STEWARD_SERVICE=${service}`) && environment.includes(`STARTS_FILE=${startsFile}`);
      return (same || here) && other !== run ? [`${pid} of run ${other}`] : [];
    } catch {
      return [];
    }
  });
}

function files(revision) {
  return {
    "BUILD/package.json": `${JSON.stringify({ name: "small", private: true, type: "module", scripts: { start: "node src/main.js", test: "node --test" } }, null, 2)}\n`,
    "BUILD/src/main.js": `import { createServer } from "node:http";

export const server = createServer((request, response) => {
  response.setHeader("content-type", "application/json");
  response.end(JSON.stringify(request.url === "/health" ? { status: "ok" } : { revision: ${revision} }));
});
server.listen(Number(process.env.PORT ?? 0), "127.0.0.1");
`,
    "BUILD/tests/main.test.js": `import { after, test } from "node:test";
import { deepEqual } from "node:assert/strict";
import { once } from "node:events";
process.env.PORT = "0";
const { server } = await import("../src/main.js");
if (!server.listening) await once(server, "listening");
const ask = async (path) => (await fetch("http://127.0.0.1:" + server.address().port + path)).json();
after(() => { server.close(); server.closeAllConnections(); });
test("is healthy", async () => deepEqual(await ask("/health"), { status: "ok" }));
test("says its revision", async () => deepEqual(await ask("/revision"), { revision: ${revision} }));
`,
    "BUILD/Dockerfile": 'FROM node:24-slim\nWORKDIR /service\nCOPY . .\nCMD ["node", "src/main.js"]\n',
    "BUILD/.env.example": "PORT=8080\n",
  };
}
