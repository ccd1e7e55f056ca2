import assert from "node:assert/strict";
import { test } from "node:test";
import { count } from "./count.ts";

test("one is one, and none and many are many", () => {
  assert.deepEqual([0, 1, 2].map((many) => count(many, "service")), ["0 services", "1 service", "2 services"]); // prettier-ignore
  assert.equal(count(1, "run is", "runs are"), "1 run is");
  assert.equal(count(3, "fix", "fixes"), "3 fixes");
});
