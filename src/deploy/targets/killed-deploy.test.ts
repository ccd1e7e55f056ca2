import assert from "node:assert/strict";
import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { house } from "./house.fixture.ts";

const quiet = () => {};

const STEPS = ["cut", "start", "switch", "confirm", "commit", "retire", "end"];

// Each has its own folder, port and processes, and mostly waits.
describe("a deploy that is killed", { concurrency: 4 }, () => {
  for (const step of STEPS) {
    test(`a deploy that is killed before its step "${step}" is finished when it is asked for again`, async (t) => {
      const { target, settings, release, hammer, ask, place, killedAt } = await house(t);
      await target.deploy(await release("v1"), quiet);
      const clients = hammer();
      await clients.seen("v1");
      const second = await release("v2");
      await killedAt(step, second);
      const again = await target.deploy(second, quiet);
      assert.equal(again.ok, true, again.reason);
      assert.equal(await ask("/version"), "v2");
      assert.deepEqual((await clients.stop()).failed, []);
      assert.equal((await readdir(join(place, "running"))).length, 1);
      await assert.rejects(stat(join(place, "change.json")), { code: "ENOENT" });
      assert.equal((await target.status(settings)).version, "v2");
    });

    test(`a deploy that is killed before its step "${step}" is settled by recovery, one version or the other`, async (t) => {
      const { target, settings, release, hammer, ask, place, killedAt } = await house(t);
      await target.deploy(await release("v1"), quiet);
      const clients = hammer();
      await clients.seen("v1");
      await killedAt(step, await release("v2"));
      const recovered = await target.recover(settings, quiet);
      assert.equal(recovered.ok, true, recovered.reason);
      const expected = STEPS.indexOf(step) < STEPS.indexOf("confirm") ? "v1" : "v2";
      assert.equal(recovered.serving, expected);
      assert.equal(await ask("/version"), expected);
      assert.deepEqual((await clients.stop()).failed, []);
      const [running, ...others] = await readdir(join(place, "running"));
      assert.ok(running !== undefined && others.length === 0);
      await assert.rejects(stat(join(place, "change.json")), { code: "ENOENT" });
    });
  }
});
