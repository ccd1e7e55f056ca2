import assert from "node:assert/strict";
import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test, type TestContext } from "node:test";
import { commandTarget, type CommandLimits } from "./command.ts";
import type { DeployInput, ServiceSettings } from "./target.ts";
import { contentHash } from "#proof/content-hash.ts";
import { bootId, isAlive, startTimeOf } from "#system/processes.ts";
import { removeFolder } from "#system/testing.ts";

const quiet = () => {};

async function house(t: TestContext, commands: ServiceSettings["commands"], limits: Partial<CommandLimits> = {}) {
  const folder = await mkdtemp(join(tmpdir(), "steward-command-"));
  const root = `${folder}-production`;
  t.after(() => Promise.all([folder, root].map((path) => removeFolder(path))));
  await writeFile(join(folder, "main.js"), "");
  const hostEnvironment = { PATH: process.env["PATH"], CLOUD_TOKEN: "cloud", DATABASE_URL: "postgres://steward" };
  const target = commandTarget({
    root,
    hostEnvironment,
    workingFolder: () => folder,
    limits: { graceMs: 200, ...limits },
  });
  const settings: ServiceSettings = { service: "quotes", publicPort: null, commands };
  const proved = await contentHash(folder);
  const input: DeployInput = {
    settings,
    version: "v1",
    content: folder,
    contentHash: proved,
    hashContent: async () => proved,
  };
  return { folder, root, target, settings, input };
}

test("the owner's command runs in the content, with the service, the version and only the named environment", async (t) => {
  const { folder, target, settings, input } = await house(t, { deploy: "ls; env > seen.txt; exit 0" });
  settings.passEnvironment = ["CLOUD_TOKEN"];
  settings.secrets = { API_KEY: "s3cret-value" };
  const result = await target.deploy(input, quiet);
  assert.deepEqual([result.ok, result.serving, result.logTail], [true, "v1", ["main.js"]]);
  const seen = await readFile(join(folder, "seen.txt"), "utf8");
  for (const line of ["SERVICE=quotes", "VERSION=v1", "CLOUD_TOKEN=cloud", "API_KEY=s3cret-value"])
    assert.match(seen, new RegExp(`^${line}$`, "m"));
  assert.doesNotMatch(seen, /DATABASE_URL/);
});

test("a command that fails is a failed deploy with its last lines, secrets taken out", async (t) => {
  const { target, settings, input } = await house(t, { deploy: "echo using $API_KEY; echo no quota >&2; exit 4" });
  settings.secrets = { API_KEY: "s3cret-value" };
  const result = await target.deploy(input, quiet);
  assert.deepEqual([result.ok, result.serving], [false, null]);
  assert.match(result.reason, /deploy command ended with exit code 4/);
  assert.deepEqual(result.logTail.toSorted(), ["no quota", "using [secret]"]);
});

test("deployed but not healthy: the owner's rollback runs, and the deploy has failed", async (t) => {
  const { folder, target, input } = await house(t, {
    deploy: "true",
    status: "exit 1",
    rollback: "echo back > rolled.txt",
  });
  const result = await target.deploy(input, quiet);
  assert.equal(result.ok, false);
  assert.match(result.reason, /status command ended with exit code 1\. The rollback command succeeded/);
  assert.equal(await readFile(join(folder, "rolled.txt"), "utf8"), "back\n");
});

test("status: exit code 0 is healthy", async (t) => {
  const { target, settings } = await house(t, { deploy: "true", status: "test ! -e sick" });
  assert.equal((await target.status(settings)).healthy, true);
  settings.commands = { deploy: "true", status: "exit 2" };
  const sick = await target.status(settings);
  assert.deepEqual([sick.healthy, sick.reason], [false, "The status command ended with exit code 2"]);
});

test("a command that hangs is ended with what it started; one that floods is cut", async (t) => {
  const { folder, target, input } = await house(
    t,
    { deploy: "trap '' TERM; sleep 60 & echo $! > child; wait; sleep 60" },
    { deployMs: 150 },
  );
  const result = await target.deploy(input, quiet);
  assert.match(result.reason, /was stopped: it ran longer than 0\.15 s/);
  const child = Number(await readFile(join(folder, "child"), "utf8"));
  assert.equal(isAlive({ pid: child, startTime: startTimeOf(child), bootId: bootId() }), false);

  const flooding = await house(t, { deploy: "head -c 20000000 /dev/zero | tr '\\0' 'x'; echo; echo last" });
  const cut = await flooding.target.deploy(flooding.input, quiet);
  assert.equal(cut.logTail.at(-1), "last");
  assert.ok(cut.logTail.join("").length <= 64 * 1024);
});

test("a command that is not set says what to set; content that was not proved is not deployed", async (t) => {
  const { target, settings, input } = await house(t, { deploy: "true" });
  await assert.rejects(
    target.rollback({ settings, because: "" }, quiet),
    /no rollback command: set `deploy: rollback:`/,
  );
  await assert.rejects(target.deploy({ ...input, hashContent: async () => "other" }, quiet), /not what was proved/);
});

test("a status command may print which version serves; without a word of it nobody knows", async (t) => {
  const { target, settings } = await house(t, { deploy: "true", status: 'echo looking; echo "VERSION=$(cat v)"' });
  assert.equal((await target.status(settings)).version, null, "an empty one is none");
  settings.commands = { deploy: "true", status: "echo VERSION=v3; echo well" };
  assert.equal((await target.status(settings)).version, "v3");
  settings.commands = { deploy: "true", status: "true" };
  assert.equal((await target.status(settings)).version, null);
});

test("a deploy that was broken off and had been done by then is not done again", async (t) => {
  const { folder, target, input } = await house(t, { deploy: "echo once >> deployed.txt", status: "echo VERSION=v1" });
  assert.equal((await target.deploy(input, quiet)).ok, true);
  const again = await target.deploy({ ...input, resumed: true }, quiet);
  assert.deepEqual([again.ok, again.serving, again.reason], [true, "v1", "v1 is in production already"]);
  assert.equal(await readFile(join(folder, "deployed.txt"), "utf8"), "once\n");
});

test("a sick deploy is taken back to the version that served before", async (t) => {
  const { folder, target, input } = await house(t, {
    deploy: "true",
    status: "exit 1",
    rollback: 'printf %s "$VERSION" > back.txt',
  });
  const result = await target.deploy({ ...input, version: "v2", previous: "v1" }, quiet);
  assert.deepEqual([result.ok, result.serving, await readFile(join(folder, "back.txt"), "utf8")], [false, "v1", "v1"]);
});

test("two changes of one service at once: the second is refused; what a killed Steward left running is ended first", async (t) => {
  const { folder, root, target, settings, input } = await house(t, { deploy: "echo begun >> log; read _ < go; echo done >> log", stop: "true" }); // prettier-ignore
  execFileSync("mkfifo", [join(folder, "go")]);
  const first = target.deploy(input, async (step) => {
    if (step === "status") await assert.rejects(target.stop(settings, { forGood: true }), /a deploy is being made/);
  });
  await writeFile(join(folder, "go"), "\n");
  assert.equal((await first).ok, true);

  // A Steward of before, killed in the middle: its command goes on without it, and holds the lock of a dead process.
  const left = spawn("/bin/sh", ["-c", "echo left >> log; sleep 60"], { cwd: folder, detached: true, stdio: "ignore" });
  const ended = once(left, "exit");
  const note = { pid: left.pid!, startTime: startTimeOf(left.pid!), bootId: bootId(), mark: "none" };
  await writeFile(join(root, "quotes", "command.json"), JSON.stringify(note));
  const second = target.deploy(input, quiet);
  assert.equal((await ended)[1], "SIGTERM");
  await writeFile(join(folder, "go"), "\n");
  assert.equal((await second).ok, true);
  assert.deepEqual(await readdir(join(root, "quotes")), [], "nothing is left of it");
});
