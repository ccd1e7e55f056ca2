import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { test } from "node:test";
import { isAlive } from "#system/processes.ts";
import { fence, marked, newRun, untilAgentRuns } from "./testing.ts";
import { prepareRun } from "./start-runner.ts";
import { waitForEnd } from "./wait-for-end.ts";
import { join } from "node:path";
import { writeFile } from "node:fs/promises";

test("a run goes on when the process that started it is killed, and another collects its result", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "while [ ! -e go ]; do sleep 0.05; done; echo finished"]);
  await prepareRun(folder, spec);
  const starter = new URL("./start-runner.ts", import.meta.url).href;
  const parent = spawn(
    process.execPath,
    [
      "--input-type=module",
      "-e",
      `const { startRunner } = await import(${JSON.stringify(starter)});
       await startRunner(${JSON.stringify(folder)});
       setInterval(() => {}, 1000);`,
    ],
    { stdio: "ignore" },
  );
  t.after(() => parent.kill("SIGKILL"));
  const record = await untilAgentRuns(folder);

  parent.kill("SIGKILL");
  await once(parent, "exit");
  assert.ok(isAlive(record), "its runner is alive");
  assert.ok(isAlive({ ...record.agent, bootId: record.bootId }), "its agent is alive");
  await writeFile(join(folder, "go"), "");

  const end = await waitForEnd(folder, fence);
  assert.equal(end.state, "ended");
  assert.equal(end.state === "ended" && end.result.outcome, "exited");
  assert.deepEqual(end.state === "ended" && end.result.lastLines, ["finished"]);
  assert.deepEqual(await marked(spec), []);
});
