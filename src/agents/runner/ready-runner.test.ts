import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { readFile } from "node:fs/promises";
import { once } from "node:events";
import { test } from "node:test";
import { isAlive, bootId, startTimeOf } from "#system/processes.ts";
import { keepReadyRunner } from "./ready-runner.ts";
import { prepareRun } from "./start-runner.ts";
import { finished, newRun, node, until } from "./testing.ts";

const readyRunner = new URL("./ready-runner.ts", import.meta.url).href;

test("a runner that was held ready holds the run like any other, and logs where any other does", async (t) => {
  const runners = keepReadyRunner({ nextMs: 10 });
  t.after(() => runners.stop());
  runners.makeReady();
  const pids: number[] = [];
  for (let round = 0; round < 3; round += 1) {
    const { folder, spec } = await newRun(t, ["sh", "-c", "cat; echo $STEWARD_RUN; tty <&0 || true"]);
    await prepareRun(folder, spec);
    const runner = await runners.start(folder, spec.marker);
    pids.push(runner.pid);
    const result = await finished(folder, runner.exited);
    assert.equal(result.outcome, "exited");
    assert.ok(result.lastLines.includes(spec.marker.value));
    assert.equal(await runner.exited, 0);
    assert.equal(await readFile(`${folder}/runner.log`, "utf8"), "");
  }
  assert.equal(new Set(pids).size, 3);
});

test("what a ready runner has to say of its run is in the run's log", async (t) => {
  const runners = keepReadyRunner();
  t.after(() => runners.stop());
  runners.makeReady();
  const { folder } = await newRun(t, ["true"]);
  const { exited } = await runners.start(folder);
  assert.equal(await exited, 2);
  assert.match(await readFile(`${folder}/runner.log`, "utf8"), /spec\.json cannot be read/);
});

test("a ready runner that was killed keeps no run from starting", async (t) => {
  const runners = keepReadyRunner();
  t.after(() => runners.stop());
  runners.makeReady();
  const pid = await until("the ready runner", async () => childOf(process.pid));
  const ready = { pid, startTime: startTimeOf(pid)!, bootId: bootId() };
  process.kill(pid, "SIGKILL");
  await until("it to be dead", async () => (isAlive(ready) ? undefined : true));
  const { folder, spec } = await newRun(t, ["true"]);
  await prepareRun(folder, spec);
  const runner = await runners.start(folder, spec.marker);
  assert.notEqual(runner.pid, pid);
  assert.equal((await finished(folder, runner.exited)).exitCode, 0);
});

test("a ready runner goes when who held it is killed, and when nobody wants one any more", async () => {
  const holder = spawn(node("")[0]!, ["--input-type=module", "-e", `
    const { keepReadyRunner } = await import(${JSON.stringify(readyRunner)});
    keepReadyRunner().makeReady();
    process.stdin.resume();`], { stdio: ["pipe", "ignore", "inherit"] }); // prettier-ignore
  const pid = await until("its ready runner", async () => childOf(holder.pid!));
  const ready = { pid, startTime: startTimeOf(pid)!, bootId: bootId() };
  assert.ok(isAlive(ready));
  holder.kill("SIGKILL");
  await once(holder, "exit");
  await until("it to be gone", async () => (isAlive(ready) ? undefined : true));

  const runners = keepReadyRunner();
  runners.makeReady();
  const own = await until("a ready runner", async () => childOf(process.pid));
  const other = { pid: own, startTime: startTimeOf(own)!, bootId: bootId() };
  runners.stop();
  await until("that to be gone", async () => (isAlive(other) ? undefined : true));
});

/** The pid of a process's child that is a runner without a folder. */
async function childOf(parent: number): Promise<number | undefined> {
  const children = (await readFile(`/proc/${parent}/task/${parent}/children`, "utf8"))
    .trim()
    .split(" ")
    .filter(Boolean);
  for (const child of children) {
    const command = await readFile(`/proc/${child}/cmdline`, "utf8").catch(() => "");
    if (command.split("\0").filter(Boolean).at(-1)?.endsWith("/runner.mjs")) return Number(child);
  }
  return undefined;
}
