import assert from "node:assert/strict";
import { test } from "node:test";
import { makeJourney } from "./house.fixture.ts";

test("a house may be stopped at any moment after it was started, and started again", async (t) => {
  const house = await makeJourney(t, { services: { idle: { "notes.txt": "nothing yet" } } });
  for (let time = 0; time < 5; time++) {
    await house.down();
    await house.up();
  }
  const started = await house.events(["process.started", "process.ended"]);
  assert.deepEqual(
    started.map(({ type }) => type),
    [...Array.from({ length: 5 }, () => ["process.started", "process.ended"]).flat(), "process.started"],
  );
});
