import assert from "node:assert/strict";
import { test } from "node:test";
import { isOffHours, nextOffHours } from "./off-hours.ts";
import { QueueSettings } from "./queue-settings.ts";

const step = 10 * 60_000;
const settings = (zone: string, off_hours: unknown = "22:00-06:00", weekends = false) =>
  QueueSettings.parse({ zone, off_hours, weekends });

/** The instants at which off-hours begin and end in a span, by asking every ten minutes of it. */
function edges(from: string, to: string, rules: ReturnType<typeof settings>): string[] {
  const found: string[] = [];
  let open = isOffHours(new Date(Date.parse(from) - step), rules);
  for (let at = Date.parse(from); at <= Date.parse(to); at += step) {
    if (isOffHours(new Date(at), rules) === open) continue;
    open = !open;
    found.push(`${open ? "opens" : "shuts"} ${new Date(at).toISOString().slice(5, 16)}`);
  }
  return found;
}

test("a night's window holds from its first instant to just before its last, over midnight", () => {
  const rules = settings("Europe/Berlin");
  for (const [at, off] of [
    ["2026-01-14T20:59:59.999Z", false],
    ["2026-01-14T21:00:00.000Z", true],
    ["2026-01-14T22:59:59.999Z", true],
    ["2026-01-14T23:00:00.000Z", true],
    ["2026-01-15T04:59:59.999Z", true],
    ["2026-01-15T05:00:00.000Z", false],
    ["2026-01-15T12:00:00.000Z", false],
  ] as const)
    assert.equal(isOffHours(new Date(at), rules), off, at);
});

test("the night in which the clocks change begins and ends by the clock on the wall", () => {
  for (const [zone, from, to, expected] of [
    // 02:00 CET becomes 03:00 CEST, and 03:00 CEST becomes 02:00 CET.
    [
      "Europe/Berlin",
      "2026-03-28T12:00Z",
      "2026-03-30T12:00Z",
      ["opens 03-28T21:00", "shuts 03-29T04:00", "opens 03-29T20:00", "shuts 03-30T04:00"],
    ],
    [
      "Europe/Berlin",
      "2026-10-24T12:00Z",
      "2026-10-26T12:00Z",
      ["opens 10-24T20:00", "shuts 10-25T05:00", "opens 10-25T21:00", "shuts 10-26T05:00"],
    ],
    ["America/New_York", "2026-03-07T18:00Z", "2026-03-08T18:00Z", ["opens 03-08T03:00", "shuts 03-08T10:00"]],
    ["America/New_York", "2026-10-31T18:00Z", "2026-11-01T18:00Z", ["opens 11-01T02:00", "shuts 11-01T11:00"]],
    // Half an hour: 10:30 in summer, 11 h in (southern) summer time.
    ["Australia/Lord_Howe", "2026-10-03T06:00Z", "2026-10-04T06:00Z", ["opens 10-03T11:30", "shuts 10-03T19:00"]],
    ["Australia/Lord_Howe", "2026-04-04T06:00Z", "2026-04-05T06:00Z", ["opens 04-04T11:00", "shuts 04-04T19:30"]],
  ] as const)
    // prettier-ignore
    assert.deepEqual(edges(from, to, settings(zone)), expected, `${zone} ${from}`);
});

test("a window with an edge in the hour that is leapt over opens, or shuts, at the leap", () => {
  const [from, to] = ["2026-03-28T20:00Z", "2026-03-29T12:00Z"];
  for (const [window, expected] of [
    ["02:30-06:00", ["opens 03-29T01:00", "shuts 03-29T04:00"]],
    ["23:00-02:30", ["opens 03-28T22:00", "shuts 03-29T01:00"]],
    ["02:10-02:50", []],
  ] as const)
    assert.deepEqual(edges(from, to, settings("Europe/Berlin", window)), expected, window);
  assert.deepEqual(edges("2026-10-03T06:00Z", "2026-10-04T06:00Z", settings("Australia/Lord_Howe", "02:15-04:00")), [
    "opens 10-03T15:30",
    "shuts 10-03T17:00",
  ]);
});

test("a window with an edge in the hour that comes twice does not shut and open again between", () => {
  const [from, to] = ["2026-10-24T18:00Z", "2026-10-25T12:00Z"];
  for (const [window, expected] of [
    ["02:30-06:00", ["opens 10-25T00:30", "shuts 10-25T05:00"]],
    ["23:00-02:30", ["opens 10-24T21:00", "shuts 10-25T01:30"]],
    ["02:10-02:50", ["opens 10-25T00:10", "shuts 10-25T01:50"]],
  ] as const)
    assert.deepEqual(edges(from, to, settings("Europe/Berlin", window)), expected, window);
});

test("a whole day is one in a zone whose clocks change at midnight", () => {
  // Beirut, 29 March 2026: 00:00 becomes 01:00, so that Sunday is 23 hours long.
  assert.deepEqual(edges("2026-03-27T00:00Z", "2026-03-31T00:00Z", settings("Asia/Beirut", "none", true)), [
    "opens 03-27T22:00",
    "shuts 03-29T21:00",
  ]);
});

test("weekends count as a whole, unless the owner spoke of that day", () => {
  const friday = ["2026-01-16T12:00Z", "2026-01-20T12:00Z"] as const;
  assert.deepEqual(edges(...friday, settings("UTC", "22:00-06:00", true)), ["opens 01-16T22:00", "shuts 01-19T06:00", "opens 01-19T22:00", "shuts 01-20T06:00"]); // prettier-ignore
  assert.deepEqual(edges(...friday, settings("UTC", "none", true)), ["opens 01-17T00:00", "shuts 01-19T00:00"]);
  assert.deepEqual(edges(...friday, settings("UTC", { weekdays: "22:00-06:00", sunday: "10:00-12:00" }, true)), ["opens 01-16T22:00", "shuts 01-18T00:00", "opens 01-18T10:00", "shuts 01-18T12:00", "opens 01-19T22:00", "shuts 01-20T06:00"]); // prettier-ignore
  assert.deepEqual(edges(...friday, settings("UTC", { everyday: "1am-2am", weekends: false }, true)), ["opens 01-19T01:00", "shuts 01-19T02:00", "opens 01-20T01:00", "shuts 01-20T02:00"]); // prettier-ignore
});

test("each weekday may have its own windows, and several; a narrower word has the last say", () => {
  const rules = settings("UTC", { friday: ["12:00-13:00", "18:00-24:00"], weekdays: "22:00-06:00" });
  // From Thursday noon.
  assert.deepEqual(edges("2026-01-15T12:00Z", "2026-01-17T12:00Z", rules), [
    "opens 01-15T22:00",
    "shuts 01-16T06:00",
    "opens 01-16T12:00",
    "shuts 01-16T13:00",
    "opens 01-16T18:00",
    "shuts 01-17T00:00",
  ]);
});

test("when off-hours are next: now, tonight, next Friday, or never", () => {
  const at = new Date("2026-01-14T12:00:00Z");
  const next = (off_hours: unknown, zone = "UTC", weekends = false, when = at) =>
    nextOffHours(when, settings(zone, off_hours, weekends))?.toISOString() ?? null;
  assert.equal(next("10:00-14:00"), at.toISOString());
  assert.equal(next("22:00-06:00"), "2026-01-14T22:00:00.000Z");
  assert.equal(next("22:00-06:00", "America/New_York"), "2026-01-15T03:00:00.000Z");
  assert.equal(next({ tuesday: "09:00-10:00" }), "2026-01-20T09:00:00.000Z");
  assert.equal(next("none", "UTC", true), "2026-01-17T00:00:00.000Z");
  assert.equal(next(false), null);
  // This Sunday's is leapt over: the next one is a week later.
  const leap = new Date("2026-03-28T12:00:00Z");
  assert.equal(next({ sunday: "02:10-02:50" }, "Europe/Berlin", false, leap), "2026-04-05T00:10:00.000Z");
});

test("whatever the zone and the moment, off-hours hold from the next opening on and not before it", () => {
  const zones = ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu", "Pacific/Apia"];
  let seed = 7;
  const random = (below: number) => (seed = (seed * 48_271) % 2_147_483_647) % below;
  const clock = () => `${random(24)}:${String(random(60)).padStart(2, "0")}`;
  for (let round = 0; round < 400; round++) {
    const window = `${clock()}-${clock()}`;
    const zone = zones[random(zones.length)]!;
    const read = QueueSettings.safeParse({ zone, off_hours: window, weekends: random(2) === 0 });
    if (!read.success) continue;
    const at = new Date(Date.UTC(2026, 0, 1) + random(365 * 24 * 60) * 60_000);
    const next = nextOffHours(at, read.data)!;
    assert.ok(isOffHours(next, read.data), `${zone} ${window} ${at.toISOString()}`);
    assert.ok(
      next.getTime() === at.getTime() || !isOffHours(new Date(next.getTime() - 1), read.data),
      `${zone} ${window} ${at.toISOString()} could have opened before`,
    );
  }
});
