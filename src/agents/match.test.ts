import assert from "node:assert/strict";
import { test } from "node:test";
import type { Claimable } from "#dispatch/claim.ts";
import { candidate } from "#dispatch/testing.ts";
import { rankBy, type TrackRecord } from "./match.ts";

const ticket = { capability: "builder" } as Claimable;
const record = (agentId: string, passed: number, judged: number, medianSeconds: number): TrackRecord => ({
  agentId,
  capability: "builder",
  passed,
  judged,
  medianSeconds,
});
const order = (records: TrackRecord[], ...ids: string[]) =>
  rankBy(() => records)(
    ticket,
    ids.map((id) => candidate(id, { name: id })),
  ).map(({ agentId }) => agentId);

test("verified work comes before speed, and many passes before a lucky one", () => {
  assert.deepEqual(order([record("quick", 5, 20, 10), record("sound", 19, 20, 60)], "quick", "sound"), [
    "sound",
    "quick",
  ]);
  assert.deepEqual(order([record("lucky", 1, 1, 10), record("proven", 48, 50, 12)], "lucky", "proven"), [
    "proven",
    "lucky",
  ]);
});

test("of equally good agents the quicker one goes first", () => {
  assert.deepEqual(order([record("slow", 20, 20, 90), record("fast", 20, 20, 30)], "slow", "fast"), ["fast", "slow"]);
});

test("a newcomer goes before one that fails, and after one that is proven", () => {
  assert.deepEqual(order([record("bad", 0, 10, 5), record("good", 10, 10, 5)], "new", "bad", "good"), [
    "good",
    "new",
    "bad",
  ]);
});

test("only the record in this capability counts, and the order never depends on chance", () => {
  const other = { ...record("b", 50, 50, 1), capability: "fixer" };
  assert.deepEqual(order([other], "b", "a"), ["a", "b"]);
});

test("the choice is explained", () => {
  const [best] = rankBy(() => [record("one", 11, 12, 3.21)])(ticket, [
    candidate("one", { name: "one" }),
    candidate("two", { name: "two" }),
  ]);
  assert.match(best!.why, /^11 of 12 verified, median 3\.2 s, score 0\.\d\d; best of 2 free$/);
});
