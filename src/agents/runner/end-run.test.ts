import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { isAlive } from "#system/processes.ts";
import { endRun } from "./end-run.ts";
import { followOutput } from "./follow-output.ts";
import { readRun } from "./read-run.ts";
import { RUNNER_EXIT } from "./run-spec.ts";
import { prepareRun, startRunner } from "./start-runner.ts";
import { fence, finished, marked, newRun, start, until, untilAgentRuns, untilMarked } from "./testing.ts";

/** An agent with a child in its group and one that left it for a session of its own; none of them heeds SIGTERM. */
const family = ["sh", "-c", `trap '' TERM; setsid sh -c 'sleep 60; sleep 60' & sleep 61 & sleep 62; sleep 63`];

test("a run whose runner was killed is dead, and ending it ends its agent and all it left behind", async (t) => {
  const { folder, spec } = await newRun(t, family, { clocks: { graceMs: 50 } });
  await prepareRun(folder, spec);
  const { exited } = await startRunner(folder);
  const record = await untilAgentRuns(folder);
  await untilMarked(spec, 5);

  process.kill(record.pid, "SIGKILL");
  await exited;
  const run = await readRun(folder, fence);
  assert.equal(run.state, "dead");
  assert.ok(isAlive({ ...record.agent, bootId: record.bootId }), "its agent lives on without a runner");

  assert.equal((await endRun(folder, fence)).state, "dead");
  assert.deepEqual(await marked(spec), []);
  assert.equal((await endRun(folder, fence)).state, "dead", "it may be ended again");
});

test("ending a run asks its runner, which ends all of it and says that it was stopped", async (t) => {
  const { folder, spec } = await newRun(t, family, { clocks: { graceMs: 50 } });
  await prepareRun(folder, spec);
  await startRunner(folder);
  const record = await untilAgentRuns(folder);
  await untilMarked(spec, 5);
  const began = performance.now();
  const end = await endRun(folder, fence);
  assert.ok(performance.now() - began < 2_000, "within what a stop may take");
  assert.equal(end.state === "ended" && end.result.outcome, "stopped");
  assert.equal(end.state === "ended" && end.result.signal, "SIGKILL");
  assert.equal(end.state === "ended" && end.result.clean, true);
  assert.deepEqual(await marked(spec), []);
  assert.deepEqual(await endRun(folder, fence), end);
  await until("the runner to leave", async () => (isAlive(record) ? undefined : true));
});

test("an agent that is stopped has a moment to tidy up", async (t) => {
  const { folder, spec } = await newRun(t, [
    "sh",
    "-c",
    "trap 'echo tidied; exit 5' TERM; while :; do sleep 0.02; done",
  ]);
  await prepareRun(folder, spec);
  await startRunner(folder);
  await untilAgentRuns(folder);
  await until("the agent's trap", async () => ((await marked(spec)).length > 1 ? true : undefined));
  const end = await endRun(folder, fence);
  assert.ok(end.state === "ended");
  assert.equal(end.result.exitCode, 5);
  assert.equal(end.result.lastLines.at(-1), "tidied");
});

test("a runner that does not answer is killed, and its agent ended all the same", { timeout: 30_000 }, async (t) => {
  const { folder, spec } = await newRun(t, ["sleep", "60"], { clocks: { graceMs: 0 } });
  await prepareRun(folder, spec);
  await startRunner(folder);
  const record = await untilAgentRuns(folder);
  process.kill(record.pid, "SIGSTOP");
  const end = await endRun(folder, fence, { runnerMs: 200 });
  assert.equal(end.state, "dead");
  assert.ok(!isAlive(record));
  assert.deepEqual(await marked(spec), []);
});

test("a run that was ended before it started cannot start any more", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "touch started"]);
  await prepareRun(folder, spec);
  assert.deepEqual(await readRun(folder, fence), { state: "not_started" });
  assert.equal((await endRun(folder, fence)).state, "dead");
  assert.equal(await (await startRunner(folder)).exited, RUNNER_EXIT.taken);
  assert.equal((await readRun(folder, fence)).state, "dead");
  await assert.rejects(readFile(join(folder, "started")), { code: "ENOENT" });
});

test("a group whose number now belongs to somebody else is left alone", async (t) => {
  const { folder, spec } = await newRun(t, ["sleep", "60"]);
  await prepareRun(folder, spec);
  await startRunner(folder);
  const { agent, ...record } = await untilAgentRuns(folder);
  const other = await newRun(t, ["true"]);
  await prepareRun(other.folder, other.spec);
  // As after many processes have come and gone: the number is in use again, by one that started at another time.
  const stale = { ...record, pid: 1, startTime: "1", agent: { ...agent, startTime: "1" } };
  await writeFile(join(other.folder, `run.${fence}`), JSON.stringify(stale));
  assert.equal((await endRun(other.folder, fence)).state, "dead");
  assert.ok(isAlive({ ...agent, bootId: record.bootId }));
});

test("what an agent leaves running when it exits is ended before the result is there", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "sleep 60 & setsid sleep 61 & echo done"]);
  const result = await start(folder, spec);
  assert.equal(result.outcome, "exited");
  assert.equal(result.exitCode, 0);
  assert.equal(result.clean, true);
  assert.deepEqual(result.lastLines, ["done"]);
  assert.deepEqual(await marked(spec), []);
});

test("an agent that says nothing for too long is ended, and one that keeps talking is not", async (t) => {
  const quiet = await newRun(t, ["sh", "-c", "echo a; echo b; sleep 60"], { clocks: { silenceMs: 300, graceMs: 50 } });
  const silent = await start(quiet.folder, quiet.spec);
  assert.equal(silent.outcome, "silence");
  assert.equal(silent.detail, "It wrote nothing for 0.3 s.");
  assert.deepEqual(silent.lastLines, ["a", "b"]);

  const chatty = await newRun(t, ["sh", "-c", "for i in 1 2 3 4 5 6 7; do printf .; sleep 0.2; done"], {
    clocks: { silenceMs: 1_000 },
  });
  assert.equal((await start(chatty.folder, chatty.spec)).outcome, "exited");
});

test("a stop does not wait for the time that an agent was given to end by itself", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "trap 'echo asked' TERM; while :; do sleep 0.02; done"], {
    clocks: { silenceMs: 200, graceMs: 20_000 },
  });
  await prepareRun(folder, spec);
  await startRunner(folder);
  for await (const { text } of followOutput(folder, { fence, everyMs: 10 })) if (text.includes("asked")) break;
  const began = performance.now();
  const end = await endRun(folder, fence);
  assert.ok(performance.now() - began < 2_000);
  assert.equal(end.state === "ended" && end.result.outcome, "silence", "the first reason counts");
});

test("an agent that runs too long is ended, however much it says", async (t) => {
  const { folder, spec } = await newRun(
    t,
    ["sh", "-c", "trap 'echo asked' TERM; while :; do echo busy; sleep 0.02; done"],
    {
      clocks: { totalMs: 300, graceMs: 300 },
    },
  );
  const result = await start(folder, spec);
  assert.equal(result.outcome, "total");
  assert.equal(result.lastLines.filter((line) => line === "asked").length, 1, "it was asked once");
  assert.equal(result.signal, "SIGKILL");
  assert.deepEqual(await marked(spec), []);
});

test("a result says what the run used", async (t) => {
  const { folder, spec } = await newRun(
    t,
    [
      process.execPath,
      "-e",
      "const until = Date.now() + 400; const held = Buffer.alloc(30e6, 1); while (Date.now() < until);",
    ],
    { clocks: { silenceMs: 5_000, totalMs: 1_000 } },
  );
  const result = await start(folder, spec);
  assert.equal(result.outcome, "exited");
  assert.ok(result.cpuSeconds! >= 0.1 && result.cpuSeconds! < 5, `${result.cpuSeconds} s`);
  assert.ok(result.peakRssBytes! > 30e6 && result.peakRssBytes! < 1e9, `${result.peakRssBytes} bytes`);
  await finished(folder);
});
