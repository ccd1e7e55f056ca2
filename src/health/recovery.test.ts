import assert from "node:assert/strict";
import { test } from "node:test";
import { decideRecovery, RECOVERY_POLICY, type HealthEvent } from "./recovery.ts";

const START = Date.parse("2026-03-01T08:00:00Z");
const at = (seconds: number) => new Date(START + seconds * 1000);
const well = (seconds: number, version = "v2"): HealthEvent => ({
  type: "probe",
  at: at(seconds),
  version,
  ok: true,
  reason: "200",
});
const sick = (seconds: number, version = "v2"): HealthEvent => ({
  type: "probe",
  at: at(seconds),
  version,
  ok: false,
  reason: "GET /health answered 500",
});
const gone = (seconds: number): HealthEvent => ({
  type: "probe",
  at: at(seconds),
  version: "v2",
  ok: false,
  gone: true,
  reason: "its process is gone",
});
const restarted = (seconds: number): HealthEvent => ({ type: "restarted", at: at(seconds), version: "v2" });
const released: HealthEvent = { type: "released", at: at(0), version: "v2" };

function decide(history: HealthEvent[], seconds: number, previous: string | null = "v1", current = "v2") {
  return decideRecovery({ history, current, previous }, RECOVERY_POLICY, at(seconds));
}

test("a healthy service is left alone, and one failed probe is no outage", () => {
  assert.equal(decide([released, well(20)], 21).do, "nothing");
  const one = decide([released, well(20), sick(30), sick(40)], 41);
  assert.equal(one.do, "nothing");
  assert.match(one.reason, /failed 2 of 3 probes in a row/);
  assert.equal(decide([released, well(20), sick(30), sick(40), well(50), sick(60)], 61).do, "nothing");
});

test("three failed probes in a row are an outage, a process that is gone is one at once", () => {
  const three = decide([released, well(20), sick(30), sick(40), sick(50)], 51);
  assert.equal(three.do, "restart");
  assert.match(three.reason, /v2 failed 3 probes in a row: GET \/health answered 500; restart 1 of 3 in 10 min/);
  const down = decide([released, well(20), gone(30)], 31);
  assert.equal(down.do, "restart");
  assert.match(down.reason, /v2 is down: its process is gone/);
});

test("what was just started has time to answer before its failed probes count", () => {
  const early = decide([released, sick(1), sick(2), sick(3)], 4);
  assert.deepEqual([early.do, "until" in early && early.until], ["wait", at(10)]);
  assert.equal(decide([released, sick(1), sick(2), sick(11)], 11).do, "restart");
  assert.equal(decide([released, gone(1)], 1).do, "restart", "but a process that is gone will not answer");
});

test("restarts come further and further apart, and only so many in their window", () => {
  const first = [released, well(20), gone(30), restarted(30), gone(31)];
  const wait = decide(first, 31);
  assert.deepEqual([wait.do, "until" in wait && wait.until], ["wait", at(35)]);
  assert.match(wait.reason, /restart 2 of 3 follows 5 s after the last/);
  assert.equal(decide(first, 35).do, "restart");
  const second = [...first, restarted(35), gone(36)];
  assert.deepEqual([decide(second, 44).do, decide(second, 45).do], ["wait", "restart"]);
  const third = [...second, restarted(45), gone(46)];
  assert.notEqual(decide(third, 80).do, "restart");
  assert.equal(decide([...third, well(100), gone(700)], 700).do, "restart", "the window has passed");
});

test("a restart that does not heal counts, whether it crashes or stays sick", () => {
  const history = [released, well(20)];
  for (const start of [30, 100, 200]) {
    history.push(sick(start), sick(start + 1), sick(start + 2));
    assert.equal(decide(history, start + 20).do, "restart");
    history.push(restarted(start + 20));
  }
  history.push(sick(240), sick(250), sick(260));
  assert.equal(decide(history, 261).do, "rollback");
});

const spent = [released, well(20), gone(30), restarted(30), gone(31), restarted(35), gone(36), restarted(45), gone(46)];

test("when the restarts are spent it goes back to the last good release", () => {
  const back = decide(spent, 47);
  assert.deepEqual([back.do, "to" in back && back.to], ["rollback", "v1"]);
  assert.match(back.reason, /3 restarts in 10 min did not help; going back to v1/);
});

test("without an earlier release, or when that was left for its own sickness, a repair is asked for, once", () => {
  const none = decide(spent, 47, null);
  assert.equal(none.do, "repair");
  assert.match(none.reason, /no earlier good release/);
  const asked: HealthEvent = { type: "repair asked", at: at(47), version: "v2" };
  assert.equal(decide([...spent, asked], 48, null).do, "nothing");
  assert.equal(decide([...spent, asked, well(60), gone(70)], 71, null).do, "nothing", "it comes and goes");
  const dayLater = [
    ...spent,
    asked,
    ...[0, 10, 30, 60].flatMap((n) => [gone(90_000 + n), restarted(90_000 + n)]),
    gone(90_100),
  ];
  assert.equal(decide(dayLater, 90_100, null).do, "repair", "a day later it is news again");

  const fled: HealthEvent = { type: "rolled back", at: at(-10), from: "v1", to: "v0" };
  assert.equal(decide([fled, ...spent], 47).do, "repair", "v1 was left before");
});

test("after a rollback the older release has a restart budget of its own, and no way further back to what was left", () => {
  const back: HealthEvent[] = [...spent, { type: "rolled back", at: at(50), from: "v2", to: "v1" }];
  assert.equal(decide([...back, well(60, "v1")], 61, null, "v1").do, "nothing");
  const sickAgain = [...back, well(60, "v1"), sick(70, "v1"), sick(80, "v1"), sick(90, "v1")];
  assert.match(decide(sickAgain, 91, null, "v1").reason, /restart 1 of 3/);
});

test("probes of another version say nothing about this one", () => {
  assert.equal(decide([sick(1, "v1"), sick(2, "v1"), sick(3, "v1"), { ...released, at: at(4) }], 60).do, "nothing");
});

test("the same history gives the same answer", () => {
  assert.deepEqual(decide(spent, 47), decide(structuredClone(spent), 47));
});

test("what somebody else runs is neither restarted nor taken back: a repair is asked for once an outage", () => {
  const elsewhere = (history: HealthEvent[], seconds: number) =>
    decideRecovery({ history, current: "v2", previous: "v1", owned: false }, RECOVERY_POLICY, at(seconds));
  const outage = [released, well(20), sick(30), sick(40), sick(50)];
  assert.equal(elsewhere([released, well(20), sick(30)], 31).do, "nothing");
  const first = elsewhere(outage, 51);
  assert.equal(first.do, "repair");
  assert.match(first.reason, /failed 3 probes in a row.*whoever deployed it is asked/);
  const asked: HealthEvent[] = [...outage, { type: "repair asked", at: at(51), version: "v2" }, sick(60)];
  assert.equal(elsewhere(asked, 61).do, "nothing");
  assert.equal(elsewhere([...asked, well(70), sick(80), sick(90), sick(100)], 101).do, "repair", "another outage");
});
