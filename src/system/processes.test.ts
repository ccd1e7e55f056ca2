import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { test, type TestContext } from "node:test";
import { uuidv7 } from "./ids.ts";
import { bootId, endGroup, findMarked, isAlive, ownIdentity, startTimeOf, sweepMarked } from "./processes.ts";

test("a process is alive while it runs, by its number, start time and boot together", async (t) => {
  const child = await started(t, "echo ready; exec sleep 60");
  const identity = { pid: child.pid!, startTime: startTimeOf(child.pid!), bootId: bootId() };
  assert.ok(isAlive(identity));
  assert.ok(isAlive(ownIdentity()));
  assert.ok(!isAlive({ ...identity, startTime: "1" }), "another process had this number");
  assert.ok(!isAlive({ ...identity, bootId: "an earlier boot" }));
  assert.ok(!isAlive({ pid: child.pid! }), "a number alone proves nothing");
  assert.ok(!isAlive({ ...identity, startTime: null }));
  child.kill("SIGKILL");
  await once(child, "exit");
  assert.ok(!isAlive(identity));
  assert.equal(startTimeOf(child.pid!), null);
});

test("a zombie is dead", async (t) => {
  // The shell's child ends at once; what the shell becomes never waits for it.
  const parent = await started(t, "sh -c 'exit 0' & echo $!; exec sleep 60");
  const pid = Number(parent.said);
  const startTime = await (async () => {
    for (;;) {
      const found = startTimeOf(pid);
      if (found !== null && !isAlive({ pid, startTime: found, bootId: bootId() })) return found;
      await new Promise((resolve) => setTimeout(resolve, 5));
    }
  })();
  assert.ok(!isAlive({ pid, startTime, bootId: bootId() }));
});

test("a process whose name has brackets and spaces is read right", async (t) => {
  const child = await started(t, `exec 3<&0; printf '%s' ') S 1 (x' > /proc/self/comm; echo ready; read line <&3`);
  assert.match(startTimeOf(child.pid!) ?? "", /^\d+$/);
  assert.ok(isAlive({ pid: child.pid!, startTime: startTimeOf(child.pid!), bootId: bootId() }));
});

test("a group is asked to end, then killed, with all its members", async (t) => {
  const polite = await started(t, "trap 'echo bye; exit 0' TERM; echo ready; while :; do sleep 0.02; done");
  const said = once(polite.stdout!, "data");
  assert.equal(await endGroup(polite.pid!, { graceMs: 5_000 }), true);
  assert.equal(String((await said)[0]), "bye\n");

  const stubborn = await started(t, "trap '' TERM; (trap '' TERM; sleep 60) & echo ready; sleep 60; sleep 60");
  const began = performance.now();
  assert.equal(await endGroup(stubborn.pid!, { graceMs: 100 }), true);
  assert.ok(performance.now() - began >= 100);
  assert.equal(await endGroup(stubborn.pid!, { graceMs: 100 }), true, "nobody is left to end");
  for (const wrong of [0, 1, -1, Number.NaN]) await assert.rejects(endGroup(wrong), TypeError);
});

test("the sweep finds children that left the group by their mark, and nobody else", async (t) => {
  const value = uuidv7();
  const other = await started(t, "echo ready; exec sleep 60", { STEWARD_RUN: uuidv7() });
  // Those that made a session of their own, twice over, with a parent that is gone; one of them will not be asked.
  await started(t, "setsid sh -c 'trap \"\" TERM; setsid sleep 60 & sleep 60; sleep 60' & echo ready", {
    STEWARD_RUN: value,
  });
  for (;;) if ((await findMarked("STEWARD_RUN", value)).length >= 2) break;
  assert.deepEqual(await findMarked("STEWARD_RUN", value.slice(0, -1)), [], "only the whole value counts");
  assert.deepEqual(await findMarked("TEWARD_RUN", value), [], "only the whole name counts");

  const swept = await sweepMarked("STEWARD_RUN", value, { graceMs: 100 });
  assert.ok(swept.length >= 2);
  assert.deepEqual(await findMarked("STEWARD_RUN", value), []);
  assert.ok(isAlive({ pid: other.pid!, startTime: startTimeOf(other.pid!), bootId: bootId() }));
  assert.deepEqual(await sweepMarked("STEWARD_RUN", value), []);
});

test("the sweep keeps up with a process that multiplies", async (t) => {
  const value = uuidv7();
  await started(t, "echo ready; while :; do setsid sleep 60 & sleep 0.002; done", { STEWARD_RUN: value });
  await sweepMarked("STEWARD_RUN", value);
  assert.deepEqual(await findMarked("STEWARD_RUN", value), []);
});

test("the sweep never ends the process that calls it", async (t) => {
  const value = uuidv7();
  const sweeper = await started(
    t,
    `exec "$NODE" --input-type=module -e '
       const { sweepMarked } = await import(process.env.PROCESSES);
       console.log(JSON.stringify(await sweepMarked("STEWARD_RUN", process.env.STEWARD_RUN)));'`,
    { STEWARD_RUN: value, NODE: process.execPath, PROCESSES: new URL("./processes.ts", import.meta.url).href },
  );
  assert.equal(sweeper.said, "[]");
});

/** A shell in a group of its own, once it has said something. */
async function started(
  context: TestContext,
  script: string,
  env: Record<string, string> = {},
): Promise<ChildProcess & { said: string }> {
  const child = spawn("sh", ["-c", script], {
    detached: true,
    stdio: ["pipe", "pipe", "inherit"],
    env: { PATH: process.env["PATH"], ...env },
  });
  context.after(async () => {
    await endGroup(child.pid!);
    if (env["STEWARD_RUN"]) await sweepMarked("STEWARD_RUN", env["STEWARD_RUN"]);
  });
  const [data] = (await once(child.stdout, "data")) as [Buffer];
  return Object.assign(child, { said: data.toString().trim() });
}
