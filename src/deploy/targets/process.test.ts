import assert from "node:assert/strict";
import { test } from "node:test";
import { house } from "./house.fixture.ts";

test("a second version takes over while clients hammer the public port, and no request fails", async (t) => {
  const { target, settings, release, hammer, ask } = await house(t);
  const first = await target.deploy(await release("v1"), () => {});
  assert.equal(first.ok, true, first.reason);
  assert.deepEqual([first.serving, first.before], ["v1", null]);
  assert.equal(await ask("/version"), "v1");

  const clients = hammer();
  await clients.seen("v1");
  const second = await target.deploy(await release("v2"), () => {});
  assert.equal(second.ok, true, second.reason);
  assert.deepEqual([second.serving, second.before], ["v2", "v1"]);
  await clients.seen("v2");
  const { failed, answers } = await clients.stop();
  assert.deepEqual(failed, []);
  assert.ok(answers > 20, `only ${answers} answers`);
  assert.equal(await ask("/version"), "v2");
  const status = await target.status(settings);
  assert.equal(status.healthy, true);
});
