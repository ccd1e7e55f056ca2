import assert from "node:assert/strict";
import { test } from "node:test";
import { uuidv7 } from "./ids.ts";

test("ids are version 7, and each sorts after the one before, also within a millisecond and when the clock steps back", () => {
  const now = Date.now();
  const ids = [...Array.from({ length: 20_000 }, () => uuidv7(now)), uuidv7(now - 60_000), uuidv7(now + 1), uuidv7()];
  assert.deepEqual(
    ids.toSorted((a, b) => (a < b ? -1 : 1)),
    ids,
  );
  assert.equal(new Set(ids).size, ids.length);
  for (const id of ids) assert.match(id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("an id says when it was made", () => {
  const at = Date.now() + 3_600_000;
  assert.equal(Number.parseInt(uuidv7(at).replaceAll("-", "").slice(0, 12), 16), at);
});
