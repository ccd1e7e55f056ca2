import assert from "node:assert/strict";
import { test } from "node:test";
import { busyUntil, readMeetings } from "./meetings.ts";

let count = 0;
const event = (...lines: string[]) =>
  [
    "BEGIN:VEVENT",
    ...(lines.some((line) => line.startsWith("UID")) ? [] : [`UID:event-${count++}`]),
    "DTSTAMP:20260101T000000Z",
    ...lines,
    "END:VEVENT",
  ].join("\r\n");
const calendar = (...events: string[]) =>
  ["BEGIN:VCALENDAR", "VERSION:2.0", ...events, "END:VCALENDAR", ""].join("\r\n");

function spans(text: string, from: string, to: string, zone = "Europe/Berlin"): string[] {
  const { spans: found, problems } = readMeetings(text, { from: new Date(from), to: new Date(to), zone });
  assert.deepEqual(problems, []);
  return found.map((span) => `${span.from.toISOString().slice(5, 16)} ${span.to.toISOString().slice(5, 16)}`);
}

test("a meeting has its time in its own zone, in UTC, by a length, and without a zone in the owner's", () => {
  const [from, to] = ["2026-01-05T00:00Z", "2026-01-06T00:00Z"];
  for (const [lines, expected] of [
    [["DTSTART:20260105T100000Z", "DTEND:20260105T110000Z"], "01-05T10:00 01-05T11:00"],
    [["DTSTART;TZID=America/New_York:20260105T100000", "DURATION:PT90M"], "01-05T15:00 01-05T16:30"],
    [["DTSTART;TZID=W. Europe Standard Time:20260105T100000", "DURATION:PT1H"], "01-05T09:00 01-05T10:00"],
    [["DTSTART:20260105T100000", "DTEND:20260105T110000"], "01-05T09:00 01-05T10:00"],
  ] as const)
    assert.deepEqual(spans(calendar(event(...lines)), from, to), [expected]);
  const own = calendar("X-WR-TIMEZONE:Asia/Tokyo", event("DTSTART:20260105T100000", "DTEND:20260105T110000"));
  assert.deepEqual(spans(own, from, to), ["01-05T01:00 01-05T02:00"]);
});

test("all-day, free and cancelled events are no meetings", () => {
  const time = ["DTSTART:20260105T100000Z", "DTEND:20260105T110000Z"];
  const text = calendar(
    event("DTSTART;VALUE=DATE:20260105", "DTEND;VALUE=DATE:20260106"),
    event("DTSTART;VALUE=DATE:20260101", "RRULE:FREQ=DAILY"),
    event(...time, "TRANSP:TRANSPARENT"),
    event(...time, "X-MICROSOFT-CDO-BUSYSTATUS:FREE"),
    event(...time, "STATUS:CANCELLED"),
  );
  assert.deepEqual(spans(text, "2026-01-05T00:00Z", "2026-01-06T00:00Z"), []);
  const tentative = calendar(event(...time, "STATUS:TENTATIVE", "TRANSP:OPAQUE"));
  assert.equal(spans(tentative, "2026-01-05T00:00Z", "2026-01-06T00:00Z").length, 1);
});

test("a series keeps its hour on the wall over a change of the clocks, with its exceptions", () => {
  const text = calendar(
    event(
      "UID:standup",
      "DTSTART;TZID=Europe/Berlin:20260105T093000",
      "DTEND;TZID=Europe/Berlin:20260105T094500",
      "RRULE:FREQ=WEEKLY;BYDAY=MO,TU,WE,TH,FR",
      "EXDATE;TZID=Europe/Berlin:20260331T093000",
      "SUMMARY:Stand-up",
    ),
    event("UID:standup", "RECURRENCE-ID;TZID=Europe/Berlin:20260401T093000", "DTSTART;TZID=Europe/Berlin:20260401T140000", "DTEND;TZID=Europe/Berlin:20260401T150000"), // prettier-ignore
    event("UID:standup", "RECURRENCE-ID;TZID=Europe/Berlin:20260402T093000", "DTSTART;TZID=Europe/Berlin:20260402T093000", "STATUS:CANCELLED"), // prettier-ignore
  );
  assert.deepEqual(spans(text, "2026-03-27T00:00Z", "2026-04-04T00:00Z"), [
    "03-27T08:30 03-27T08:45",
    "03-30T07:30 03-30T07:45",
    "04-01T12:00 04-01T13:00",
    "04-03T07:30 04-03T07:45",
  ]);
});

test("dates that a series has beside its rule count, but for its exceptions", () => {
  const text = calendar(event("DTSTART:20260105T100000Z", "DTEND:20260105T103000Z", "RDATE:20260107T100000Z,20260108T100000Z", "RDATE;TZID=Europe/Berlin:20260109T100000", "EXDATE:20260108T100000Z")); // prettier-ignore
  assert.deepEqual(spans(text, "2026-01-06T00:00Z", "2026-01-12T00:00Z"), [
    "01-07T10:00 01-07T10:30",
    "01-09T09:00 01-09T09:30",
  ]);
});

test("a meeting that began before the span and is still on counts; meetings that touch are one", () => {
  const text = calendar(
    event("DTSTART:20260104T220000Z", "DTEND:20260105T010000Z"),
    event("DTSTART:20260105T010000Z", "DTEND:20260105T020000Z"),
    event("DTSTART:20260105T013000Z", "DTEND:20260105T014500Z"),
    event("DTSTART:20260105T050000Z", "DTEND:20260105T060000Z"),
  );
  assert.deepEqual(spans(text, "2026-01-05T00:00Z", "2026-01-06T00:00Z"), [
    "01-04T22:00 01-05T02:00",
    "01-05T05:00 01-05T06:00",
  ]);
  const { spans: found } = readMeetings(text, { from: new Date("2026-01-05T00:00Z"), to: new Date("2026-01-06T00:00Z"), zone: "UTC" }); // prettier-ignore
  assert.equal(busyUntil(new Date("2026-01-05T00:30Z"), found)?.toISOString(), "2026-01-05T02:00:00.000Z");
  assert.equal(busyUntil(new Date("2026-01-05T02:00Z"), found), null);
  assert.equal(busyUntil(new Date("2026-01-05T05:00Z"), found)?.toISOString(), "2026-01-05T06:00:00.000Z");
});

test("what is broken is said in words, and costs no other event", () => {
  const good = event("UID:good", "DTSTART:20260105T100000Z", "DTEND:20260105T110000Z");
  const span = { from: new Date("2026-01-05T00:00Z"), to: new Date("2026-01-06T00:00Z"), zone: "Europe/Berlin" };
  for (const [text, count, problem] of [
    ["<html>Sign in</html>", 0, /^it is no calendar/],
    ["", 0, /^it is no calendar/],
    [calendar(good).replace("END:VCALENDAR", ""), 1, /^it breaks off/],
    [calendar(event("SUMMARY:Odd", "DTSTART:20260105T120000Z", "RRULE:FREQ=SOMETIMES"), good), 1, /^the event "Odd" cannot be read: .*SOMETIMES/], // prettier-ignore
    [calendar(event("SUMMARY:Odd", "DTSTART:20260105T120000Z", "DTSTART:20260105T120000Z"), good), 1, /^the event "Odd" cannot be read/], // prettier-ignore
    [calendar(event("UID:odd", "DTSTART:tomorrow"), good), 1, /^the event odd has no time at which it starts/],
    [calendar(event("SUMMARY:Odd", "DTSTART;TZID=Nowhere/Land:20260105T140000", "DURATION:PT1H"), good), 2, /"Odd" is in a time zone that nobody knows, Nowhere\/Land; it was read as Europe\/Berlin/], // prettier-ignore
    [calendar(event("SUMMARY:Odd", "DTSTART:20200105T140000Z", "DURATION:PT1S", "RRULE:FREQ=SECONDLY"), good), 1, /how the event "Odd" repeats cannot be followed/], // prettier-ignore
  ] as const) {
    const { spans: found, problems } = readMeetings(text, span);
    assert.equal(found.length, count, text);
    assert.equal(problems.length, 1, problems.join());
    assert.match(problems[0]!, problem);
  }
  const { spans: found } = readMeetings(calendar(event("DTSTART;TZID=Nowhere/Land:20260105T140000", "DURATION:PT1H")), span); // prettier-ignore
  assert.equal(found[0]?.from.toISOString(), "2026-01-05T13:00:00.000Z");
});

test("a big calendar with old series is read in bounded time", () => {
  const events = Array.from({ length: 300 }, (_, index) => event(`DTSTART:${1990 + (index % 30)}0105T100000Z`, "DURATION:PT30M", "RRULE:FREQ=DAILY")); // prettier-ignore
  assert.equal(spans(calendar(...events), "2026-01-05T00:00Z", "2026-01-12T00:00Z").length, 7);
});
