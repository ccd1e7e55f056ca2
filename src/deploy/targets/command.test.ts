import assert from "node:assert/strict";
import { mkdtemp, readFile, writeFile } from "node:fs/promises";
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
  t.after(() => removeFolder(folder));
  await writeFile(join(folder, "main.js"), "");
  const hostEnvironment = { PATH: process.env["PATH"], CLOUD_TOKEN: "cloud", DATABASE_URL: "postgres://steward" };
  const target = commandTarget({ hostEnvironment, workingFolder: () => folder, limits: { graceMs: 200, ...limits } });
  const settings: ServiceSettings = { service: "quotes", publicPort: 0, commands };
  const proved = await contentHash(folder);
  const input: DeployInput = {
    settings,
    version: "v1",
    content: folder,
    contentHash: proved,
    hashContent: async () => proved,
  };
  return { folder, target, settings, input };
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
