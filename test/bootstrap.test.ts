import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, copyFile, mkdir, mkdtemp, readFile, readdir, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, test } from "node:test";
import { text } from "node:stream/consumers";
import { removeFolder } from "#system/testing.ts";
import { transform } from "esbuild";

const root = dirname(import.meta.dirname);
const pinned = `node-${process.platform}-${process.arch}`;
let checkout: string;

/** npm, as far as the bootstrap knows it: says so, takes a moment, and leaves a node_modules with a Node in it. */
const npm = `#!/bin/sh
echo "$@" >> "$CHECKOUT/npm-calls"
echo "npm says hello on stdout"
if [ -n "$NPM_FAILS" ]; then echo "$NPM_FAILS" >&2; exit 7; fi
pwd >> "$CHECKOUT/npm-folders"
command -v node >> "$CHECKOUT/npm-nodes"
rm -rf node_modules
sleep 0.3
mkdir -p "node_modules/${pinned}/bin"
echo '{}' > "node_modules/${pinned}/package.json"
ln -s "${process.execPath}" "node_modules/${pinned}/bin/node"
`;

/** The task that is handed over to: says who it is, and then does what its first argument asks. */
const task = `
console.log(JSON.stringify({ argv: process.argv.slice(2), node: process.execPath, path: process.env.PATH }));
const [how] = process.argv.slice(2);
if (how === "exit") process.exitCode = 42;
if (how === "die") process.kill(process.pid, "SIGKILL");
if (how === "wait") {
  const heard = [];
  for (const signal of ["SIGINT", "SIGTERM"]) process.on(signal, () => heard.push(signal));
  process.on("SIGTERM", () => setTimeout(() => { console.log(JSON.stringify(heard)); process.exit(5); }, 100));
  setInterval(() => {}, 1000);
  console.log("waiting");
}
`;

beforeEach(async () => {
  checkout = await mkdtemp(join(tmpdir(), "bootstrap-"));
  for (const folder of ["bin", "scripts", "tools"]) await mkdir(join(checkout, folder));
  for (const file of ["bin/package.json", "bin/pinned-node.cjs", "scripts/bootstrap.mjs"]) {
    await copyFile(join(root, file), join(checkout, file));
  }
  await writeFile(join(checkout, "package.json"), '{ "type": "module" }');
  await writeFile(
    join(checkout, "package-lock.json"),
    '{ "packages": { "": {}, "node_modules/a": { "integrity": "x" } } }',
  );
  await writeFile(join(checkout, "scripts", "run-tests.mjs"), task);
  await writeFile(join(checkout, "tools", "npm"), npm);
  await chmod(join(checkout, "tools", "npm"), 0o755);
});

afterEach(() => removeFolder(checkout));

test("a fresh clone is installed, told on stderr, and the task runs under the pinned Node", async () => {
  const { code, stdout, stderr } = await bootstrap(["test", "one", "two words"]);

  assert.equal(code, 0, stderr);
  const said = JSON.parse(stdout) as { argv: string[]; path: string };
  assert.deepEqual(said.argv, ["one", "two words"]);
  assert.equal(said.path.split(":")[0], join(checkout, "node_modules", pinned, "bin"));
  assert.match(stderr, /Installing the packages.*npm says hello on stdout.*Installed in/s);
  const [call] = await npmCalls();
  assert.match(
    call!,
    /^ci --ignore-scripts --no-audit --no-fund --engine-strict=false --loglevel=error --include=dev --include=optional$/,
  );
});

test("under an older Node the pinned one comes first, from the lockfile, and npm runs under it", async () => {
  const locked = { version: "24.0.0", integrity: "sha512-pinned", os: process.platform, cpu: process.arch };
  const packages = { "": {}, [`node_modules/${pinned}`]: locked };
  await writeFile(join(checkout, "package-lock.json"), JSON.stringify({ packages }));
  const old = `Object.defineProperty(process,"versions",{value:{...process.versions,node:"18.20.4"}})`;

  const child = start(["test"], {}, ["--import", `data:text/javascript,${encodeURIComponent(old)}`]);
  const stderr = text(child.stderr!);
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 0, await stderr);
  const stage = join(checkout, ".steward", "node");
  assert.deepEqual(await lines("npm-folders"), [stage, checkout]);
  assert.equal((await lines("npm-nodes"))[1], join(stage, "node_modules", pinned, "bin", "node"));
  assert.deepEqual(await readdir(join(checkout, ".steward")), []);
});

test("what is installed is left alone until the lockfile changes", async () => {
  await bootstrap(["test"]);
  assert.equal((await bootstrap(["test"])).stderr, "");
  assert.equal((await npmCalls()).length, 1);

  await writeFile(
    join(checkout, "package-lock.json"),
    '{ "packages": { "": {}, "node_modules/a": { "integrity": "y" } } }',
  );
  await bootstrap(["test"]);
  assert.equal((await npmCalls()).length, 2);
});

test("a person's own npm ci counts, and one from another lockfile does not", async () => {
  await bootstrap(["test"]);
  await rm(join(checkout, "node_modules", ".steward-installed"));
  const hidden = join(checkout, "node_modules", ".package-lock.json");

  await writeFile(hidden, '{ "packages": { "node_modules/a": { "integrity": "x" } } }');
  await bootstrap(["test"]);
  assert.equal((await npmCalls()).length, 1);

  await rm(join(checkout, "node_modules", ".steward-installed"));
  await writeFile(hidden, '{ "packages": { "node_modules/a": { "integrity": "older" } } }');
  await bootstrap(["test"]);
  assert.equal((await npmCalls()).length, 2);
});

test("four at once install once, and all run", async () => {
  const results = await Promise.all([1, 2, 3, 4].map((number) => bootstrap(["test", String(number)])));
  assert.deepEqual(
    results.map(({ code }) => code),
    [0, 0, 0, 0],
    results.map(({ stderr }) => stderr).join("\n"),
  );
  assert.equal((await npmCalls()).length, 1);
  assert.deepEqual(await readdir(join(checkout, ".steward")), []);
});

test("the lock of one that died is taken over, and so is one that nobody has touched for a minute", async () => {
  const dead = spawn(process.execPath, ["-e", ""]);
  await once(dead, "exit");
  const { hostname } = await import("node:os");
  const lock = join(checkout, ".steward", "install.lock");
  await mkdir(dirname(lock));

  await writeFile(lock, JSON.stringify({ pid: dead.pid, host: hostname(), started: "1" }));
  assert.equal((await bootstrap(["test"])).code, 0);

  await rm(join(checkout, "node_modules"), { recursive: true });
  await writeFile(lock, JSON.stringify({ pid: 1, host: "another-machine", started: "1" }));
  const longAgo = new Date(Date.now() - 61_000);
  await utimes(lock, longAgo, longAgo);
  assert.equal((await bootstrap(["test"])).code, 0);
});

for (const [said, advice] of [
  ["npm error code ENOTFOUND", /registry cannot be reached.*HTTPS_PROXY/],
  ["npm error code ENOSPC", /disk is full/],
  ["npm error code E407", /proxy asks for a password/],
  ["npm error SELF_SIGNED_CERT_IN_CHAIN", /NODE_EXTRA_CA_CERTS/],
  ["npm error something new", /Try `npm ci --ignore-scripts` by hand/],
] as const) {
  test(`npm failing with "${said}" ends with its last lines and what to do`, async () => {
    const { code, stdout, stderr } = await bootstrap(["test"], { NPM_FAILS: said });
    assert.equal(code, 1);
    assert.equal(stdout, "");
    assert.match(stderr, new RegExp(`npm ci failed with exit code 7[^]*${said}`));
    assert.match(stderr, advice);
    assert.deepEqual(await readdir(join(checkout, ".steward")), [], "the lock is given back");
  });
}

test("the task's exit code and its deadly signal are kept", async () => {
  assert.equal((await bootstrap(["test", "exit"])).code, 42);
  assert.equal((await bootstrap(["test", "die"])).signal, "SIGKILL");
});

test("SIGINT and SIGTERM reach the task once each, even when npm repeats them", async () => {
  await bootstrap(["test"]);
  const child = start(["test", "wait"]);
  const output = text(child.stdout!);
  await new Promise<void>((resolve) => {
    child.stdout!.on("data", (chunk: Buffer) => chunk.includes("waiting") && resolve());
  });
  child.kill("SIGINT");
  child.kill("SIGINT");
  child.kill("SIGTERM");
  child.kill("SIGTERM");
  const [code] = (await once(child, "close")) as [number];
  assert.equal(code, 5);
  assert.deepEqual((JSON.parse((await output).trim().split("\n").at(-1)!) as string[]).toSorted(), [
    "SIGINT",
    "SIGTERM",
  ]);
});

test("an unknown task is refused before anything is installed", async () => {
  const { code, stderr } = await bootstrap(["toString"]);
  assert.equal(code, 1);
  assert.match(stderr, /no task "toString": choose one of demo, start, test/);
  await assert.rejects(readdir(join(checkout, "node_modules")), { code: "ENOENT" });
});

test("every npm script is a task, and every task's script is there", async () => {
  const { scripts } = JSON.parse(await readFile(join(root, "package.json"), "utf8")) as {
    scripts: Record<string, string>;
  };
  const source = await readFile(join(root, "scripts", "bootstrap.mjs"), "utf8");
  for (const [name, command] of Object.entries(scripts)) {
    assert.equal(command, `node scripts/bootstrap.mjs ${name}`);
    assert.match(source, new RegExp(`^  "?${name}"?: \\[`, "m"));
  }
});

test("a Node as old as 12 can read what tells it that it is too old", async () => {
  for (const file of ["scripts/bootstrap.mjs", "bin/pinned-node.cjs", "bin/steward"]) {
    const source = (await readFile(join(root, file), "utf8")).replace(/^#!.*/, "");
    const [old, now] = await Promise.all(["node12.20", "esnext"].map((target) => transform(source, { target })));
    assert.equal(old!.code, now!.code, `${file} has syntax that Node 12 cannot read`);
    assert.doesNotMatch(source, /(from|require\() ?"node:/, `${file} imports by node:, which Node 12.0 does not know`);
  }
});

type Ended = { code: number | null; signal: string | null; stdout: string; stderr: string };

async function bootstrap(args: string[], environment: Record<string, string> = {}): Promise<Ended> {
  const child = start(args, environment);
  const [stdout, stderr, [code, signal]] = await Promise.all([
    text(child.stdout!),
    text(child.stderr!),
    once(child, "close") as Promise<[number | null, string | null]>,
  ]);
  return { code, signal, stdout, stderr };
}

function start(args: string[], environment: Record<string, string> = {}, options: string[] = []): ChildProcess {
  const { npm_execpath: _, ...inherited } = process.env;
  const env = {
    ...inherited,
    ...environment,
    CHECKOUT: checkout,
    PATH: `${join(checkout, "tools")}:${process.env.PATH}`,
  };
  return spawn(process.execPath, [...options, join(checkout, "scripts", "bootstrap.mjs"), ...args], {
    env,
    cwd: checkout,
  });
}

const npmCalls = () => lines("npm-calls");

async function lines(file: string): Promise<string[]> {
  return (await readFile(join(checkout, file), "utf8")).trim().split("\n");
}
