import assert from "node:assert/strict";
import { test } from "node:test";
import { didYouMean, nearest } from "./nearest.ts";

test("a word that is nearly right finds the one that was meant, and one that is not finds none", () => {
  const known = ["status", "stop", "scan", "coverage_floor", "up"];
  const meant = ["stauts", "Scan", "stpo", "coverage_flor", "u", "quotes", "xyz", ""].map((word) =>
    nearest(word, known),
  );
  assert.deepEqual(meant, ["status", "scan", "stop", "coverage_floor", "up", null, null, null]);
  assert.equal(didYouMean("sttop", known), " Did you mean stop?");
  assert.equal(didYouMean("production", known), "");
});
