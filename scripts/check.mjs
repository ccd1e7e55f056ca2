/** `npm run check`: everything that can be known without running the product. All of it runs, even if one part fails. */

import { spawn } from "node:child_process";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = dirname(dirname(fileURLToPath(import.meta.url)));

const checks = [
  { name: "types", args: [tool("typescript/bin/tsc"), "--pretty", "false"] },
  { name: "lint", args: [tool("oxlint/bin/oxlint"), "--type-aware"], looked: /on ([1-9]\d*) files/ },
  { name: "arrows", args: ["--test", "--test-reporter=spec", "test/arrows.test.ts"], looked: /pass ([1-9]\d*)/ },
  { name: "dead code", args: [tool("knip/bin/knip.js"), "--no-progress"] },
  { name: "formatting", args: [tool("oxfmt/bin/oxfmt"), "--check"] },
];

const results = [];
for (const check of checks) {
  const result = await runCheck(check);
  results.push(result);
  if (!result.passed) console.log(`── ${check.name} ──\n${result.output.trim()}\n`);
}
for (const { name, passed, seconds } of results) {
  console.log(`${passed ? "✔" : "✖"} ${name.padEnd(10)} ${seconds.toFixed(1).padStart(5)} s`);
}
const failed = results.filter((result) => !result.passed);
console.log(
  `\n${failed.length === 0 ? "✔ passed" : "✖ FAILED"}: ${results.length - failed.length} of ${results.length} checks passed`,
);
process.exitCode = failed.length === 0 ? 0 : 1;

function tool(path) {
  return join(root, "node_modules", path);
}

/** Runs one check. One that says nothing of having `looked` at anything has not passed, whatever its exit code. */
async function runCheck({ name, args, looked }) {
  const started = performance.now();
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn(process.execPath, args, { cwd: root, env, stdio: ["ignore", "pipe", "pipe"] });
  let output = "";
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding("utf8").on("data", (text) => (output += text));
  const [code, signal] = await new Promise((resolve) => {
    child.once("error", (error) => resolve([String(error), null]));
    child.once("close", (...ended) => resolve(ended));
  });
  const idle = looked !== undefined && !looked.test(output);
  if (code !== 0) output += `\n${name} ended with ${signal ?? code}`;
  else if (idle) output += `\n${name} looked at nothing, so it proves nothing`;
  return { name, output, passed: code === 0 && !idle, seconds: (performance.now() - started) / 1000 };
}
