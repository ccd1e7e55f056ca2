import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { text } from "node:stream/consumers";
import { removeFolder } from "#system/testing.ts";

const root = dirname(import.meta.dirname);
const passing = `import { test } from "node:test";\ntest("holds", () => {});\n`;
let project: string;

beforeEach(async () => {
  project = await mkdtemp(join(tmpdir(), "run-tests-"));
  for (const folder of ["src", "test", "scripts"]) await mkdir(join(project, folder));
  for (const file of ["run-tests.mjs", "survivors.mjs"]) {
    await cp(join(root, "scripts", file), join(project, "scripts", file));
  }
  await writeFile(join(project, "package.json"), '{ "type": "module" }');
  await writeFile(join(project, "src", "a.test.ts"), passing);
});

afterEach(() => removeFolder(project));

test("a green suite passes, and its last line counts", async () => {
  await writeFile(join(project, "test", "journey.long.test.ts"), "throw new Error('long tests do not run here');");
  const { code, stdout } = await runTests();
  assert.equal(code, 0, stdout);
  assert.match(stdout, /ℹ pass 1\n[^]*\n✔ passed: 1 of 1 tests in 1 files passed, .* 0 processes left running\n$/);
});

test("a red suite fails, also where a test runner started us", async () => {
  await writeFile(join(project, "test", "b.test.ts"), passing.replace("{}", `{ throw new Error("broken") }`));
  const { code, stdout } = await runTests([], { NODE_TEST_CONTEXT: "child-v8" });
  assert.equal(code, 1);
  assert.match(stdout, /FAILED: 1 of 2 tests in 2 files passed, 1 failed/);
});

test("no test is not a pass: no such file, and a file without any", async () => {
  assert.equal((await runTests(["nowhere"])).code, 1);
  await writeFile(join(project, "src", "empty.test.ts"), "export {};\n");
  const { code, stdout } = await runTests();
  assert.equal(code, 1);
  assert.match(stdout, /src\/empty\.test\.ts holds no test/);
});

test("only the files whose path has a part that was asked for run", async () => {
  await writeFile(join(project, "test", "b.test.ts"), "throw new Error('not asked for');");
  const { code, stdout } = await runTests(["src/a"]);
  assert.equal(code, 0, stdout);
});

test(
  "what a test leaves running is named, ended, and fails the run",
  { skip: process.platform !== "linux" },
  async () => {
    const leaving = `import { test } from "node:test";
import { spawn } from "node:child_process";
test("leaves two", () => {
  const marked = spawn("sleep", ["301"], { detached: true, stdio: "ignore" });
  const placed = spawn("sleep", ["302"], { detached: true, stdio: "ignore", env: {}, cwd: process.env.TMPDIR });
  for (const child of [marked, placed]) { child.unref(); console.log("left " + child.pid); }
});\n`;
    await writeFile(join(project, "src", "a.test.ts"), leaving);
    const { code, stdout } = await runTests();
    assert.equal(code, 1);
    assert.match(stdout, /Still running[^]*sleep 301\n[^]*sleep 302\n[^]*2 processes left running/);
    const left = [...stdout.matchAll(/left (\d+)/g)].map(([, pid]) => Number(pid));
    assert.equal(left.length, 2);
    for (const pid of left) assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
  },
);

async function runTests(args: string[] = [], environment: Record<string, string> = {}) {
  const script = join(project, "scripts", "run-tests.mjs");
  const env = { ...process.env, ...environment };
  const child = spawn(process.execPath, [script, ...args], { env, stdio: ["ignore", "pipe", "ignore"] });
  const [stdout, [code]] = await Promise.all([text(child.stdout), once(child, "close") as Promise<[number]>]);
  return { code, stdout };
}
