import assert from "node:assert/strict";
import { test } from "node:test";
import { outagesOf, uptimePercent } from "./uptime.ts";

const at = (minutes: number) => new Date(Date.parse("2026-03-01T00:00:00Z") + minutes * 60_000);
const day = { from: at(0), to: at(1_440) };

test("uptime is the share of the period without outage, cut to the period", () => {
  assert.equal(uptimePercent([], day), 100);
  assert.equal(uptimePercent([{ startedAt: at(0), endedAt: at(144) }], day), 90);
  assert.equal(
    uptimePercent(
      [
        { startedAt: at(-600), endedAt: at(72) },
        { startedAt: at(1_368), endedAt: null },
      ],
      day,
    ),
    90,
  );
  assert.equal(uptimePercent([{ startedAt: at(-5), endedAt: null }], day), 0);
  assert.equal(uptimePercent([], { from: at(5), to: at(5) }), null);
});

test("outages that overlap count once", () => {
  const outages = [
    { startedAt: at(100), endedAt: at(244) },
    { startedAt: at(120), endedAt: at(130) },
    { startedAt: at(200), endedAt: at(244) },
  ];
  assert.equal(uptimePercent(outages, day), 90);
});

test("an outage of a moment is never rounded up to 100 %", () => {
  const moment = { startedAt: at(1), endedAt: new Date(at(1).getTime() + 1) };
  assert.equal(uptimePercent([moment], day), 99.999);
});

test("a row of probes becomes outages, the last one open", () => {
  const probes = [true, false, false, true, false].map((ok, minute) => ({ at: at(minute), ok }));
  assert.deepEqual(outagesOf(probes), [
    { startedAt: at(1), endedAt: at(3) },
    { startedAt: at(4), endedAt: null },
  ]);
});
