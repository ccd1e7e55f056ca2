import assert from "node:assert/strict";
import { test } from "node:test";
import { z } from "zod";
import { readYaml } from "#system/yaml-problems.ts";
import { QueueSettings } from "./queue-settings.ts";

const Rules = z.strictObject({ queue: QueueSettings.prefault({}) });
const read = (text: string) => readYaml(text, Rules);

test("an owner who says nothing has one build at a time, nights and weekends, and no calendar", () => {
  const { value } = read("");
  assert.deepEqual(value!.queue, {
    parallel: 1,
    zone: Intl.DateTimeFormat().resolvedOptions().timeZone,
    off_hours: { days: Array(7).fill([{ from: 22 * 60, to: 6 * 60 }]), named: [] },
    weekends: true,
    calendar: null,
    require_calendar: false,
    draft_missing: false,
    allow: [],
  });
});

test("windows are read as people write them", () => {
  for (const [written, from, to] of [
    ["22:00-06:00", 1320, 360],
    ["22:00 – 06:00", 1320, 360],
    ["10pm-6am", 1320, 360],
    ["10:30 PM to 6 am", 1350, 360],
    ["22 until 6", 1320, 360],
    ["18:00-24:00", 1080, 1440],
    ["00:00-24:00", 0, 1440],
    ["all day", 0, 1440],
    ["12am-12pm", 0, 720],
  ] as const) {
    const { value, problems } = read(`queue: { off_hours: "${written}" }`);
    assert.deepEqual(problems, [], written);
    assert.deepEqual(value!.queue.off_hours.days[3], [{ from, to }], written);
  }
});

test("what is wrong is said in words, with its line", () => {
  for (const [text, message] of [
    ["off_hours: nights", `queue.off_hours: "nights" is no window; write it like "22:00-06:00"`],
    ["off_hours: 25:00-06:00", `queue.off_hours: "25:00-06:00" is no window; write it like "22:00-06:00"`],
    ["off_hours: 22:00-22:00", `queue.off_hours: "22:00-22:00" begins and ends at once; write "all day" or "none"`],
    ["off_hours: 22:00-06:00-07:00", `queue.off_hours: "22:00-06:00-07:00" is no window; write it like "22:00-06:00"`],
    ["off_hours: { fryday: none }", "queue.off_hours: there is no day fryday; it is monday to sunday, weekdays, weekends or every day"], // prettier-ignore
    ["zone: Berlin", "queue.zone: must be a time zone such as Europe/Berlin"],
  ] as const)
    assert.deepEqual(read(`queue:\n  ${text}\n`).problems, [{ line: 2, message }]);
  assert.equal(read("queue:\n  parallel: 0\n").problems[0]?.line, 2);
  assert.match(read("queue:\n  paralel: 2\n").problems[0]!.message, /there is no setting paralel in queue/);
  assert.equal(read("queue:\n  allow:\n    - kind: conflict\n      pattern: x\n").problems[0]?.line, 4 - 1);
});
