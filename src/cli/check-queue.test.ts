import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { test } from "node:test";
import type { DecidedTask } from "#lines/task/decide-queue.ts";
import { folderWith } from "#workspace/tree.fixture.ts";
import { runSteward } from "./testing.ts";

const details = (name: string, what: string) => `
### ${name}
- **Description:** ${what}
- **Completion Criteria:**
  - [ ] check: npm test
  - [ ] GET /health returns 200
`;

const queueText = `# Build Queue

## Building
- [ ] Landing page - Priority: High

## Active Queue
- [ ] Export - Priority: Medium
- [ ] Shout - Priority: High
- [ ] Make it better - Priority: High
- [ ] Import - Priority: High
- [ ] Someday - Priority: Low
- [ ] '; rm -rf ~ # $(reboot) ../../etc/passwd - Priority: High

## Completed
- [x] Sketch

## Task Details
${details("Landing page", "A page that says what the service does and links to the sign-up form.")}
${details("Export", "A button that downloads the table of reports at /reports as a CSV file.")}
${details("Shout", "Send the newsletter to all customers from the list in customers.csv.")}
${details("Import", "A form that reads a CSV file of reports and adds its rows to the table.")}
${details("Someday", "A dark theme for the page of reports, switched in the menu of the page.")}
${details("Nobody's", "Details without a line of their own in the queue.")}
`;

type Checked = { next: string | null; tasks: DecidedTask[]; problems: { line: number; message: string }[] };

async function check(dir: string, words: string[] = []): Promise<Checked & { stderr: string }> {
  const ran = await runSteward(["queue", "check", join(dir, "BUILD_QUEUE.md"), "--json", ...words]);
  assert.equal(ran.code, 0, ran.stderr);
  return { ...(JSON.parse(ran.stdout) as Checked), stderr: ran.stderr };
}

const rules = ({ tasks }: Checked) => Object.fromEntries(tasks.map(({ name, decision }) => [name, decision.rule]));

test("of every task it is said whether it may start, by the file and the rules beside it, and nothing is changed", async (t) => {
  const dir = folderWith(t, { "BUILD_QUEUE.md": queueText, "steward.yaml": "queue: { zone: Europe/Berlin }\n" });
  const noon = await check(dir, ["--at", "2026-03-25T12:00:00+01:00"]);
  assert.deepEqual(rules(noon), {
    "Landing page": "task.running",
    Export: "queue.full",
    Shout: "task.risk",
    "Make it better": "task.unclear",
    Import: "queue.full",
    Someday: "queue.full",
    "'; rm -rf ~ # $(reboot) ../../etc/passwd": "task.unclear",
    Sketch: "task.done",
  });
  assert.equal(noon.next, null);
  assert.match(noon.stderr, /BUILD_QUEUE\.md line \d+: .Nobody's. has details but no line/);
  assert.equal(readFileSync(join(dir, "BUILD_QUEUE.md"), "utf8"), queueText);

  writeFileSync(join(dir, "BUILD_QUEUE.md"), queueText.replace(/- \[ \] Landing page.*\n/, ""));
  const free = await check(dir, ["--at", "2026-03-25T12:00:00+01:00"]);
  assert.equal(free.next, "import");
  assert.equal(rules(free)["Export"], "queue.full", "the one before it takes the place");

  writeFileSync(join(dir, "steward.yaml"), "queue: { zone: Europe/Berlin, parallel: 3 }\n");
  const day = await check(dir, ["--at", "2026-03-25T12:00:00+01:00"]);
  assert.equal(rules(day)["Someday"], "task.conflict", "nobody knows on which files the two of them work");

  writeFileSync(join(dir, "BUILD_QUEUE.md"), queueText.replace(/^- \[ \] (?!Someday).*\n/gm, ""));
  assert.equal(rules(await check(dir))["Someday"], "priority.low");
});

test("a Medium task waits for the night, and for the end of a meeting, in its owner's zone", async (t) => {
  const only = `## Active Queue\n- [ ] Export - Priority: Medium\n\n## Task Details\n${details("Export", "A button that downloads the table of reports at /reports as a CSV file.")}`;
  const calendar = [
    "BEGIN:VCALENDAR", "VERSION:2.0", "BEGIN:VEVENT", "UID:1", "DTSTART;TZID=America/New_York:20260325T220000",
    "DTEND;TZID=America/New_York:20260325T233000", "SUMMARY:Late call", "END:VEVENT", "END:VCALENDAR", "",
  ].join("\r\n"); // prettier-ignore
  const dir = folderWith(t, {
    "BUILD_QUEUE.md": only,
    "owner.ics": calendar,
    "steward.yaml": "queue: { zone: America/New_York, calendar: owner.ics }\n",
  });
  const at = async (time: string) => {
    const { tasks } = await check(dir, ["--at", time]);
    const { rule, until } = tasks[0]!.decision;
    return [rule, ...(until ? [String(until)] : [])];
  };
  assert.deepEqual(await at("2026-03-25T15:00:00-04:00"), ["off-hours", "2026-03-26T03:30:00.000Z"]);
  assert.deepEqual(await at("2026-03-25T22:15:00-04:00"), ["meeting", "2026-03-26T03:30:00.000Z"]);
  assert.deepEqual(await at("2026-03-25T23:30:00-04:00"), ["priority.medium"]);
});

test("a queue that is not there, a time that is none, and rules that are broken are said", async (t) => {
  const dir = folderWith(t, { "BUILD_QUEUE.md": "", "steward.yaml": "queue: { off_hours: nights }\n" });
  const gone = await runSteward(["queue", "check", join(dir, "nothing.md")]);
  assert.equal(gone.code, 3);
  assert.match(gone.stderr, /There is no .*nothing\.md/);
  const never = await runSteward(["queue", "check", join(dir, "BUILD_QUEUE.md"), "--at", "soon"]);
  assert.equal(never.code, 2);
  const { tasks, stderr } = await check(dir);
  assert.deepEqual(tasks, []);
  assert.match(stderr, /steward\.yaml line 1: queue\.off_hours: "nights" is no window/);
});
