import { deepEqual, equal, match, ok } from "node:assert/strict";
import { test } from "node:test";
import { bootId, findMarked, isAlive, startTimeOf } from "#system/processes.ts";
import { makeService } from "./fixtures/make-service.ts";
import { testEnvironment } from "./gate-environment.ts";
import { runBounded, type BoundedCommand } from "./run-bounded.ts";

function command(cwd: string, script: string, more: Partial<BoundedCommand> = {}): BoundedCommand {
  return {
    command: process.execPath,
    args: ["-e", script],
    cwd,
    environment: testEnvironment(cwd),
    timeoutMs: 20_000,
    outputKeptBytes: 64 << 10,
    outputLimitBytes: 1 << 20,
    signal: new AbortController().signal,
    ...more,
  };
}

test("a run sees the allow-listed environment and nothing on stdin", async (t) => {
  const { dir } = await makeService(t);
  process.env.STEWARD_TEST_SECRET = "s3cret";
  t.after(() => delete process.env.STEWARD_TEST_SECRET);
  const script = `console.log(JSON.stringify(Object.keys(process.env).sort())); process.stdin.on("end", () => console.log("end")).resume()`;
  const run = await runBounded(command(dir, script));
  const [names, end] = run.output.trim().split("\n");
  deepEqual(JSON.parse(names!), ["CI", "HOME", "LANG", "PATH", "STEWARD_PROOF_RUN", "TMPDIR"]);
  deepEqual([run.ended, run.exitCode, end], ["exited", 0, "end"]);
});

test("a run that does not end is ended, with a child that took its own session", async (t) => {
  const { dir } = await makeService(t);
  const script = `
    const { spawn } = require("node:child_process");
    process.on("SIGTERM", () => {});
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "ignore" });
    child.unref();
    console.log("child " + child.pid + " mark " + process.env.STEWARD_PROOF_RUN);
    setInterval(() => {}, 1e6);`;
  const run = await runBounded(command(dir, script, { timeoutMs: 2_500, graceMs: 100 }));
  equal(run.ended, "timeout");
  const [, pid, mark] = /child (\d+) mark (\w+)/.exec(run.output)!;
  deepEqual(await findMarked("STEWARD_PROOF_RUN", mark!), []);
  equal(isAlive({ pid: Number(pid), startTime: startTimeOf(Number(pid)), bootId: bootId() }), false);
});

test("a child left behind by a run that ended well is ended too, and does not hold the run up", async (t) => {
  const { dir } = await makeService(t);
  const script = `
    const { spawn } = require("node:child_process");
    spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { detached: true, stdio: "inherit" }).unref();
    console.log("mark " + process.env.STEWARD_PROOF_RUN);`;
  const run = await runBounded(command(dir, script));
  deepEqual([run.ended, run.exitCode], ["exited", 0]);
  ok(run.durationMs < 10_000);
  deepEqual(await findMarked("STEWARD_PROOF_RUN", /mark (\w+)/.exec(run.output)![1]!), []);
});

test("a child that left the group and cleaned its environment is ended by the folder that it works in", async (t) => {
  const { dir } = await makeService(t, { "below/file": "" });
  const script = `
    const { spawn } = require("node:child_process");
    const clean = { detached: true, stdio: "ignore", env: {} };
    const left = spawn(process.execPath, ["-e", "setInterval(() => {}, 1e6)"], { ...clean, cwd: "below" });
    left.unref();
    left.once("spawn", () => console.log("child " + left.pid));`;
  const run = await runBounded(command(dir, script, { ownFolder: dir }));
  const pid = Number(/child (\d+)/.exec(run.output)![1]);
  equal(isAlive({ pid, startTime: startTimeOf(pid), bootId: bootId() }), false);
});

test("output is kept at both ends, and a flood of it ends the run", async (t) => {
  const { dir } = await makeService(t);
  const script = `console.log("first"); console.log("x".repeat(60_000)); console.log("last");`;
  const bounded = await runBounded(command(dir, script, { outputKeptBytes: 4_000 }));
  equal(bounded.ended, "exited");
  match(bounded.output, /^first\n[^]*bytes left out[^]*last\n$/);
  const flood = await runBounded(command(dir, `for (;;) require("fs").writeSync(1, "x".repeat(65536));`));
  equal(flood.ended, "output_limit");
});

test("a run is called off by its signal, and a program that is not there is told", async (t) => {
  const { dir } = await makeService(t);
  const calling = new AbortController();
  const running = runBounded(command(dir, "setInterval(() => {}, 1e6)", { signal: calling.signal }));
  calling.abort();
  equal((await running).ended, "cancelled");
  const missing = await runBounded(command(dir, "", { command: "no-such-program-here" }));
  const tooLong = await runBounded(command(dir, `"${"x".repeat(1 << 18)}"`));
  deepEqual([tooLong.ended, /E2BIG/.test(tooLong.output)], ["not_started", true]);
  deepEqual([missing.ended, /ENOENT|EACCES/.test(missing.output)], ["not_started", true]);
});
