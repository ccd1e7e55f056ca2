import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { text } from "node:stream/consumers";
import { removeFolder } from "#system/testing.ts";

const root = dirname(import.meta.dirname);
const entry = `console.log(JSON.stringify({ args: process.argv.slice(2), entry: import.meta.filename, parent: process.ppid }));\n`;
let place: string;
let steward: string;

beforeEach(async () => {
  place = await mkdtemp(join(tmpdir(), "command-"));
  steward = join(place, "bin", "steward");
  await cp(join(root, "bin"), join(place, "bin"), { recursive: true });
  await writeFile(join(place, "package.json"), '{ "type": "module" }');
  await mkdir(join(place, "src", "cli"), { recursive: true });
  await writeFile(join(place, "src", "cli", "main.ts"), `const typed: number = 1;\n${entry}void typed;\n`);
});

afterEach(() => removeFolder(place));

test("on a new enough Node it runs in the same process, through a link, from any folder", async () => {
  await install();
  await symlink(steward, join(place, "linked"));
  const { code, stdout, stderr } = await run(join(place, "linked"), ["scan", "a b", "--json"]);
  assert.equal(code, 0, stderr);
  const said = JSON.parse(stdout) as { args: string[]; entry: string; parent: number };
  assert.deepEqual(said.args, ["scan", "a b", "--json"]);
  assert.equal(said.parent, process.pid);
});

test("a release runs the JavaScript in dist/", async () => {
  await install();
  await rm(join(place, "src"), { recursive: true });
  await mkdir(join(place, "dist", "cli"), { recursive: true });
  await writeFile(join(place, "dist", "cli", "main.js"), entry);
  const { stdout } = await run(steward, []);
  assert.equal((JSON.parse(stdout) as { entry: string }).entry, join(place, "dist", "cli", "main.js"));
});

test("without its packages it says how to install them, and installs nothing", async () => {
  const { code, stdout, stderr } = await run(steward, ["scan"]);
  assert.equal(code, 1);
  assert.equal(stdout, "");
  assert.match(stderr, /packages are not installed: run `npm ci --ignore-scripts`/);
});

test("on an older Node it hands over to the pinned one, and keeps its exit code", async () => {
  await install();
  await writeFile(join(place, "src", "cli", "main.ts"), `${entry}process.exitCode = 6;\n`);
  const folder = join(place, "node_modules", `node-${process.platform}-${process.arch}`);
  await mkdir(join(folder, "bin"), { recursive: true });
  await writeFile(join(folder, "package.json"), "{}");
  await symlink(process.execPath, join(folder, "bin", "node"));
  const { code, stdout, stderr } = await run(steward, ["status"], asIfOld());
  assert.equal(code, 6, stderr);
  const said = JSON.parse(stdout) as { args: string[]; parent: number };
  assert.deepEqual(said.args, ["status"]);
  assert.notEqual(said.parent, process.pid);
});

test("on an older Node with no pinned one it says what to do", async () => {
  await install();
  const { code, stderr } = await run(steward, ["status"], asIfOld());
  assert.equal(code, 1);
  assert.match(stderr, /This machine's Node is 20\.20\.2 .* needs Node 24 or newer.*then try again/);
});

async function install() {
  await mkdir(join(place, "node_modules", "commander"), { recursive: true });
  await writeFile(join(place, "node_modules", "commander", "package.json"), "{}");
}

/** Has this process's Node say that it is version 20, in the first process only: what it hands over to is itself. */
function asIfOld(): string[] {
  const versions = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"20.20.2"}})`;
  return ["--import", `data:text/javascript,${encodeURIComponent(versions)}`];
}

async function run(command: string, args: string[], nodeOptions: string[] = []) {
  const child = spawn(process.execPath, [...nodeOptions, command, ...args], {
    cwd: tmpdir(),
    stdio: ["ignore", "pipe", "pipe"],
  });
  const [stdout, stderr, [code]] = await Promise.all([
    text(child.stdout),
    text(child.stderr),
    once(child, "close") as Promise<[number | null]>,
  ]);
  return { code, stdout, stderr };
}
