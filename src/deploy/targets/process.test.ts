import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { once } from "node:events";
import { createServer } from "node:http";
import { readFile, readdir, readlink, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { house } from "./house.fixture.ts";
import { findMarked, isAlive } from "#system/processes.ts";

const quiet = () => {};

// Each has its own folder, port and processes, and mostly waits.
describe("the process target", { concurrency: 4 }, () => {
  test("a second version takes over while clients hammer the public port, and no request fails", async (t) => {
    const { target, settings, release, hammer, ask, place } = await house(t);
    const first = await target.deploy(await release("v1"), quiet);
    assert.equal(first.ok, true, first.reason);
    assert.deepEqual([first.serving, first.before], ["v1", null]);
    assert.equal(await ask("/version"), "v1");
    await ask("/write");

    const clients = hammer();
    await clients.seen("v1");
    const second = await target.deploy(await release("v2"), quiet);
    assert.equal(second.ok, true, second.reason);
    assert.deepEqual([second.serving, second.before], ["v2", "v1"]);
    await clients.seen("v2");
    const restarted = await target.restart(settings, quiet);
    assert.equal(restarted.ok, true, restarted.reason);
    const back = await target.rollback({ settings, because: "The owner wants v1 back" }, quiet);
    assert.equal(back.ok, true, back.reason);
    const { failed, answers } = await clients.stop();
    assert.deepEqual(failed, []);
    assert.ok(answers > 20, `only ${answers} answers`);

    assert.equal(await ask("/version"), "v1");
    assert.equal(await readlink(join(place, "current")), join("releases", "v1"));
    await ask("/write");
    assert.equal(await readFile(join(place, "data", "kept.txt"), "utf8"), "v1\nv1\n", "data outlives releases");
    assert.equal((await readdir(join(place, "running"))).length, 1, "the old release is ended and forgotten");
    assert.equal((await target.status(settings)).healthy, true);
  });

  const SICK: Record<string, { code: string; reason: RegExp; log: RegExp | null }> = {
    "crashes at once": {
      code: 'console.error("no such table: quotes"); process.exit(3);',
      reason: /ended \(exit code 3\).*before it was healthy\. v1 goes on serving/,
      log: /no such table/,
    },
    "never answers": {
      code: 'console.log("thinking"); setInterval(() => {}, 1000);',
      reason: /not healthy within 3\.0 s.*connection refused/,
      log: /thinking/,
    },
    "answers its health with 503": {
      code: `import { createServer } from "node:http";
      createServer((_, response) => response.writeHead(503).end()).listen(process.env.PORT, process.env.HOST);`,
      reason: /answered 503, not 200/,
      log: null,
    },
    "is healthy at first and sick in production": {
      code: `import { createServer } from "node:http";
      let asked = 0;
      createServer((_, response) => response.writeHead((asked += 1) > 1 ? 500 : 200).end()).listen(process.env.PORT, process.env.HOST);`,
      reason: /v2 failed in production: .*answered 500/,
      log: null,
    },
  };

  for (const [sickness, { code, reason, log }] of Object.entries(SICK)) {
    test(`a new version that ${sickness} is rolled back by itself and the old one goes on answering`, async (t) => {
      // Long enough for a busy machine to start the version that is well.
      const { target, settings, release, hammer, ask, place } = await house(t, { healthMs: 3_000 });
      await target.deploy(await release("v1"), quiet);
      const clients = hammer();
      await clients.seen("v1");
      const sick = await target.deploy(await release("v2", { "src/main.js": code }), quiet);
      assert.equal(sick.ok, false);
      assert.equal(sick.serving, "v1");
      assert.match(sick.reason, reason);
      if (log !== null) assert.match(sick.logTail.join("\n"), log);
      assert.equal(await ask("/version"), "v1");
      const { failed } = await clients.stop();
      // Sick in production: between the switch and the check the clients may see its own failures, its 500 or its end.
      const own = ["Error: 500", "Error: socket hang up"];
      assert.deepEqual(
        failed.filter((failure) => !own.includes(failure)),
        [],
      );
      if (!sickness.includes("in production")) assert.deepEqual(failed, []);
      assert.equal((await readdir(join(place, "running"))).length, 1);
      assert.equal((await target.status(settings)).version, "v1");
      await assert.rejects(stat(join(place, "change.json")), { code: "ENOENT" });
    });
  }

  test("the front and the release outlive the process that deployed them", async (t) => {
    const { release, ask, killedAt, place } = await house(t);
    await killedAt("end", await release("v1"));
    assert.equal(await ask("/version"), "v1");
    const front = JSON.parse(await readFile(join(place, "front", "front.json"), "utf8"));
    assert.equal(isAlive(front), true);
  });

  test("a front and a release that are both dead come back, and connections wait meanwhile", async (t) => {
    const { target, settings, release, ask, place, kill } = await house(t);
    await target.deploy(await release("v1"), quiet);
    await kill("front");
    await kill("release");
    assert.deepEqual([(await target.status(settings)).gone, (await target.status(settings)).healthy], [true, false]);
    const steps: string[] = [];
    let waiting: Promise<string> | undefined;
    const recovered = await target.recover(settings, (step) => {
      steps.push(step);
      // The front is open again and the release not yet started.
      if (step === "start") waiting = ask("/version");
    });
    assert.equal(recovered.ok, true, recovered.reason);
    assert.equal(await waiting, "v1");
    assert.deepEqual(steps, ["park", "start", "switch", "confirm", "commit", "retire", "end"]);
    assert.equal((await readdir(join(place, "running"))).length, 1);
  });

  test("a front that died alone is started again without touching its release", async (t) => {
    const { target, settings, release, ask, kill, runs } = await house(t);
    await target.deploy(await release("v1"), quiet);
    const before = await runs();
    await kill("front");
    const recovered = await target.recover(settings, quiet);
    assert.match(recovered.reason, /its front was not/);
    assert.equal(await ask("/version"), "v1");
    assert.deepEqual(await runs(), before);
  });

  test("a service that was stopped on purpose stays down until it is deployed again", async (t) => {
    const { target, settings, release, ask, runs } = await house(t);
    await target.deploy(await release("v1"), quiet);
    await target.stop(settings, { forGood: true });
    await assert.rejects(ask("/version"), /ECONNREFUSED/);
    // Also what was decided before the stop, and comes after it.
    const recovered = await target.recover(settings, quiet);
    const restarted = await target.restart(settings, quiet);
    for (const { reason, serving } of [recovered, restarted])
      assert.deepEqual([reason, serving], ["quotes was stopped on purpose", null]);
    await assert.rejects(ask("/version"), /ECONNREFUSED/);
    assert.deepEqual(await runs(), []);
    assert.equal((await target.deploy(await release("v1"), quiet)).ok, true);
    assert.equal(await ask("/version"), "v1");
  });

  test("a service that was stopped only for the while comes back when it is recovered", async (t) => {
    const { target, settings, release, ask } = await house(t);
    await target.deploy(await release("v1"), quiet);
    await target.stop(settings, { forGood: false });
    await assert.rejects(ask("/version"), /ECONNREFUSED/);
    assert.equal((await target.recover(settings, quiet)).serving, "v1");
    assert.equal(await ask("/version"), "v1");
  });

  test("going back by itself leaves down what its owner stopped meanwhile", async (t) => {
    const { target, settings, release, ask, runs } = await house(t, { confirmations: 1 });
    for (const version of ["v1", "v2"]) await target.deploy(await release(version), quiet);
    await target.stop(settings, { forGood: true });
    const back = { settings, toVersion: "v1", because: "v2 was sick" };
    assert.equal((await target.rollback({ ...back, unlessStopped: true }, quiet)).serving, null);
    assert.deepEqual(await runs(), []);
    assert.equal((await target.rollback(back, quiet)).serving, "v1", "on the owner's own word it does");
    assert.equal(await ask("/version"), "v1");
  });

  test("a public port that somebody else has is named with its owner, and nothing is left running", async (t) => {
    const { target, settings, release, runs } = await house(t);
    const stranger = createServer().listen(settings.publicPort!, "127.0.0.1");
    await once(stranger, "listening");
    t.after(() => stranger.close());
    const owner = process.platform === "linux" ? `process ${process.pid} ` : "";
    await assert.rejects(
      target.deploy(await release("v1"), quiet),
      new RegExp(`Port 127.0.0.1:${settings.publicPort} is already in use.*${owner}`),
    );
    assert.deepEqual(await runs(), []);
  });

  test("content that is not what was proved is not released", async (t) => {
    const { target, release, place } = await house(t);
    const proved = await release("v1");
    await writeFile(join(proved.content, "src", "main.js"), "process.exit(0)");
    await assert.rejects(target.deploy(proved, quiet), /not what was proved/);
    assert.deepEqual(await readdir(join(place, "releases")), []);
  });

  test("a version is one content: other content under its name is refused, the same one is no new deploy", async (t) => {
    const { target, release, runs } = await house(t);
    await target.deploy(await release("v1"), quiet);
    const before = await runs();
    assert.match((await target.deploy(await release("v1"), quiet)).reason, /in production already/);
    assert.deepEqual(await runs(), before);
    await assert.rejects(target.deploy(await release("v1", { "more.txt": "more" }), quiet), /cut from other content/);
  });

  test("a rollback goes past a version that was withdrawn, and says so when there is none left", async (t) => {
    const { target, settings, release } = await house(t, { confirmations: 1 });
    for (const version of ["v1", "v2", "v3"]) await target.deploy(await release(version), quiet);
    const to2 = await target.rollback({ settings, because: "v3 is sick" }, quiet);
    const to1 = await target.rollback({ settings, because: "v2 is sick" }, quiet);
    assert.deepEqual([to2.serving, to1.serving], ["v2", "v1"]);
    await assert.rejects(target.rollback({ settings, because: "v1 too" }, quiet), /no earlier good release/);
    await assert.rejects(target.rollback({ settings, toVersion: "v9", because: "" }, quiet), /no release v9/);
    assert.equal((await target.rollback({ settings, toVersion: "v3", because: "it was not it" }, quiet)).serving, "v3");
  });

  test("old releases are pruned with their logs, never the current one or the one to go back to", async (t) => {
    const { target, release, place } = await house(t, { confirmations: 1 }, { keep: 2 });
    for (const version of ["v1", "v2", "v3"]) await target.deploy(await release(version), quiet);
    assert.deepEqual((await readdir(join(place, "releases"))).toSorted(), ["v2", "v3"]);
    assert.deepEqual((await readdir(join(place, "logs"))).toSorted(), ["v2.log", "v3.log"]);
  });

  test("a release sees its own settings and secrets and not Steward's, and its secrets are nowhere on disk", async (t) => {
    const { target, settings, release, ask, folder } = await house(
      t,
      {},
      { hostEnvironment: { PATH: process.env["PATH"], DATABASE_URL: "postgres://steward" } },
    );
    settings.env = { GREETING: "hello" };
    settings.secrets = { API_KEY: "s3cret-value-of-the-owner" };
    const result = await target.deploy(await release("v1"), quiet);
    assert.equal(result.ok, true, result.reason);
    const seen = JSON.parse(await ask("/environment"));
    assert.deepEqual(
      [seen.GREETING, seen.API_KEY, seen.DATABASE_URL, seen.NODE_ENV, seen.SERVICE_NAME, seen.HOST],
      ["hello", "s3cret-value-of-the-owner", undefined, "production", "quotes", "127.0.0.1"],
    );
    assert.throws(() => execFileSync("grep", ["-rl", "s3cret-value", folder]), { status: 1 });
  });

  test("secrets that a sick release prints are taken out of what is reported", async (t) => {
    const { target, settings, release } = await house(t);
    settings.secrets = { API_KEY: "s3cret-value-of-the-owner" };
    const result = await target.deploy(
      await release("v1", { "src/main.js": "console.log('key', process.env.API_KEY); process.exit(1)" }),
      quiet,
    );
    assert.equal(result.ok, false);
    assert.deepEqual(result.logTail, ["key [secret]"]);
  });

  test("two changes of one service at once: the second is refused", async (t) => {
    const { target, settings, release } = await house(t);
    const first = target.deploy(await release("v1"), async (step) => {
      if (step === "start") await assert.rejects(target.restart(settings, quiet), /a deploy is being made/);
    });
    assert.equal((await first).ok, true);
  });

  test("a release whose children left its process group takes them with it", async (t) => {
    const { target, settings, release, runs } = await house(t);
    const code = `
    import { spawn } from "node:child_process";
    import { createServer } from "node:http";
    spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { detached: true, stdio: "ignore" }).unref();
    createServer((_, response) => response.end("well")).listen(process.env.PORT, process.env.HOST);`;
    await target.deploy(await release("v1", { "src/main.js": code }), quiet);
    const [run] = await runs();
    assert.equal((await findMarked("STEWARD_RUN", run ?? "")).length, 2);
    await target.stop(settings, { forGood: true });
    assert.deepEqual(await findMarked("STEWARD_RUN", run ?? ""), []);
  });
});
