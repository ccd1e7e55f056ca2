import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { setImmediate as breathe } from "node:timers/promises";
import { serviceFolder } from "./service-folder.ts";
import { whileAlone } from "./change.ts";
import { bootId, startTimeOf } from "#system/processes.ts";
import { Failure } from "#system/failure.ts";
import { removeFolder } from "#system/testing.ts";

test("of many that find a lock whose holder died, never two make their change at once", async (t) => {
  const root = await mkdtemp(join(tmpdir(), "steward-lock-"));
  t.after(() => removeFolder(root));
  const folder = serviceFolder(root, "quotes");
  await mkdir(folder.path, { recursive: true });
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"], { stdio: "ignore" });
  const dead = { pid: child.pid!, startTime: startTimeOf(child.pid!), bootId: bootId() };
  child.kill("SIGKILL");
  await once(child, "exit");

  for (let time = 0; time < 40; time += 1) {
    await writeFile(folder.lock, JSON.stringify({ ...dead, what: "deploy", id: `dead-${time}` }));
    let inside = 0;
    let most = 0;
    let made = 0;
    const one = async () => {
      try {
        await whileAlone(folder, "restart", async () => {
          most = Math.max(most, (inside += 1));
          made += 1;
          for (let turn = 0; turn < 20; turn += 1) await breathe();
          inside -= 1;
        });
      } catch (error) {
        assert.ok(error instanceof Failure, String(error));
        assert.match(error.message, /is being made by process/);
      }
    };
    await Promise.all(Array.from({ length: 8 }, one));
    assert.equal(most, 1, `${most} at once, in round ${time}`);
    assert.ok(made >= 1);
    assert.deepEqual(await readdir(folder.path), [], "nothing is left");
  }
});
