import assert from "node:assert/strict";
import { test } from "node:test";
import { doubtProduction, type Signs } from "./doubt-production.ts";
import type { SeenFacts } from "./facts.ts";

const seen = {
  production: ["PRODUCTION/ has a record of its deployment"],
  problems: [],
} as Partial<SeenFacts> as SeenFacts;

const look = (before: Signs | null, worker: string | null, { released = false } = {}) =>
  doubtProduction(seen, { before, worker, released });

test("a record of a production that appears while an agent is at work is doubted, and stays so", () => {
  const first = look("none", "quick");
  assert.equal(first.signs, "doubted");
  assert.deepEqual(first.seen.production, []);
  assert.match(first.seen.problems[0] ?? "", /Steward released nothing/);
  assert.equal(look("doubted", null).signs, "doubted");
});

test("a record of what Steward released is believed, also when it is first seen while an agent is at work", () => {
  assert.equal(look("none", "quick", { released: true }).signs, "believed");
  assert.equal(look("doubted", null, { released: true }).signs, "believed");
});

test("a record is believed that stood there from the first or came while nobody worked", () => {
  assert.equal(look(null, "quick").signs, "believed");
  assert.equal(look("none", null).signs, "believed");
});
