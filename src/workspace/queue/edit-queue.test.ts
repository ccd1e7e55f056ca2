import assert from "node:assert/strict";
import { mkdtemp, readFile, realpath, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import test, { after, before } from "node:test";
import { Failure } from "#system/failure.ts";
import { removeFolder } from "#system/testing.ts";
import { addTask } from "./add-task.ts";
import { editQueue } from "./edit-queue.ts";
import { finishTask, returnToQueue, setPriority, startTask, tickCriterion } from "./edit-task.ts";
import { readQueue } from "./read-queue.ts";

const options = { now: new Date("2026-02-06T21:00:00Z"), zone: "America/Chicago" };
const at = options.now;
let folder: string;
before(async () => (folder = await realpath(await mkdtemp(join(tmpdir(), "steward-queue-")))));
after(() => removeFolder(folder));

const refOf = (text: string, key: string): { key: string; lineText: string } => {
  const task = readQueue(text, options).tasks.find((one) => one.key === key);
  assert.ok(
    task !== undefined,
    `${key} is among ${readQueue(text, options)
      .tasks.map((one) => one.key)
      .join(", ")}`,
  );
  return { key, lineText: task.lineText };
};

const seed = [
  "# Queue",
  "",
  "## 🔥 Priority / Building",
  "",
  "## 📋 Active Queue",
  "",
  "- [ ] One - Added: 2026-02-06 15:00 - Priority: High  ",
  "  - keep me",
  "- [ ] Two <!-- mine -->",
  "",
  "## ✅ Completed",
  "",
  "- [x] Old",
  "",
].join("\n");

test("a task's line goes to Building with time and label, and to Completed with date, duration and links", () => {
  const started = startTask(seed, refOf(seed, "one"), { ...options, at, label: "one" });
  assert.equal(
    started,
    seed
      .replace("- [ ] One - Added: 2026-02-06 15:00 - Priority: High  \n  - keep me\n", "")
      .replace(
        "Building\n\n",
        "Building\n\n- [ ] One - Added: 2026-02-06 15:00 - Priority: High - Started: 2026-02-06 15:00 - Label: one  \n  - keep me\n\n",
      ),
  );
  const finished = finishTask(started, refOf(started, "one"), {
    ...options,
    at,
    minutes: 270,
    deliverables: ["src/a.py"],
  });
  assert.match(
    finished,
    /- \[x\] Old\n- \[x\] One - Added: 2026-02-06 15:00 - Priority: High - Label: one - Completed: 2026-02-06 15:00 - Duration: 4 h 30 min - Deliverables: \[src\/a\.py\]\(src\/a\.py\) {2}\n {2}- keep me\n/,
  );
  const again = returnToQueue(finished, refOf(finished, "one"), options);
  assert.match(
    again,
    /Active Queue\n\n- \[ \] One - Added: 2026-02-06 15:00 - Priority: High - Label: one {2}\n {2}- keep me\n- \[ \] Two/,
  );
});

test("Windows line endings, the byte order mark and a missing last newline stay", () => {
  const text = `\uFEFF${seed.trimEnd().replaceAll("\n", "\r\n")}`;
  const started = startTask(text, refOf(text, "two"), { ...options, at, label: "two" });
  assert.ok(started.startsWith("\uFEFF# Queue\r\n"));
  assert.ok(!/(?<!\r)\n/.test(started));
  const finished = finishTask(started, refOf(started, "two"), { ...options, at, minutes: null });
  assert.match(finished, /- \[x\] Old\r\n- \[x\] Two <!-- mine --> - Label: two - Completed: 2026-02-06 15:00$/);
});

test("a missing section is added in the form of the file's own headings", () => {
  const text = "TO DO\n=====\n\n* [ ] One\n";
  const started = startTask(text, refOf(text, "one"), { ...options, at, label: "one" });
  const { tasks } = readQueue(started, options);
  assert.deepEqual(
    tasks.map(({ section }) => section),
    ["building"],
  );
  assert.match(started, /^BUILDING\n=+\n\n\* \[ \] One/);
  const flat = "- [ ] One\n- Two\n";
  const moved = startTask(flat, refOf(flat, "one"), { ...options, at, label: "one" });
  assert.deepEqual(
    readQueue(moved, options).tasks.map(({ key, section }) => [key, section]),
    [
      ["two", "queue"],
      ["one", "building"],
    ],
  );
});

test("what its owner wrote under a word of Steward's stays", () => {
  const text = "## Queue\n\n- [ ] One - Label: Urgent! - Started: by Kim, last week\n";
  const started = startTask(text, refOf(text, "one"), { ...options, at, label: "one" });
  assert.match(
    started,
    /- \[ \] One - Label: Urgent! - Started: by Kim, last week - Started: 2026-02-06 15:00 - Label: one\n/,
  );
});

test("tables stay tables: a task's state is written into its row", () => {
  const text =
    "## Queue\n\n| Task  | Status | Priority |\n|-------|--------|----------|\n| One   | Queued | High     |\n| Two   | Queued | Low      |\n";
  const started = startTask(text, refOf(text, "one"), { ...options, at, label: "one" });
  assert.match(
    started,
    /\| One   \| Building since 2026-02-06 15:00 \| High     \|\n\| Two   \| Queued \| Low      \|\n$/,
  );
  const back = returnToQueue(started, refOf(started, "one"), options);
  assert.match(back, /\| One   \| Queued {1,30}\| High     \|/);
  const raised = setPriority(back, refOf(back, "two"), "high", options);
  assert.match(raised, /\| Two   \| Queued \| High     \|/);
  const added = addTask(raised, { name: "Three", priority: "medium" }, { ...options, at });
  assert.match(added, /\| Three +\| Queued {1,30}\| Medium +\|\n$/);
  const plain = "## Queue\n\n| Task | Est |\n|---|---|\n| One | 4h |\n";
  const marked = startTask(plain, refOf(plain, "one"), { ...options, at, label: "one" });
  assert.match(marked, /\| One - Started: 2026-02-06 15:00 - Label: one \| 4h \|/);
  assert.equal(readQueue(marked, options).tasks[0]!.section, "building");
  assert.equal(
    readQueue(finishTask(marked, refOf(marked, "one"), { ...options, at, minutes: 5 }), options).tasks[0]!.section,
    "completed",
  );
});

test("a task whose line was changed since it was read is not touched", () => {
  const ref = refOf(seed, "two");
  const isConflict = (error: unknown): boolean => error instanceof Failure && error.code === "conflict";
  const changed = seed.replace("- [ ] Two", "- [ ] Two - Priority: Low");
  assert.throws(() => startTask(changed, ref, { ...options, at, label: "two" }), isConflict);
  assert.throws(() => startTask(seed.replace(/.*Two.*\n/, ""), ref, { ...options, at, label: "two" }), isConflict);
});

test("a criterion is ticked where it stands, and only there", () => {
  const text = `${seed}\n## Task Details\n\n### Two\n- **Completion Criteria:**\n  - [ ] it works\n  - [ ] it is fast\n`;
  const ticked = tickCriterion(text, refOf(text, "two"), { text: "it is fast", line: 20 }, true, options);
  assert.equal(ticked, text.replace("[ ] it is fast", "[x] it is fast"));
  assert.throws(
    () => tickCriterion(text, refOf(text, "two"), { text: "it is gone", line: 20 }, true, options),
    Failure,
  );
});

test("a new task reads back as it was given, whatever its name holds", () => {
  for (const name of [
    "'; rm -rf ~ #",
    "$(reboot)",
    "../../etc/passwd",
    ".*+?^${}()|[\\]",
    "A - Priority: High",
    "**x**",
    "[x] y",
    "`",
  ]) {
    const text = addTask(
      seed,
      {
        name,
        description: "one\n## Queue\n- [ ] two\n```",
        criteria: ["it works; really", "check: npm test"],
        tech: ["Go"],
        estimateMinutes: 90,
        after: ["Two"],
      },
      { ...options, at },
    );
    const task = readQueue(text, options).tasks.find((one) => one.name === name);
    assert.ok(task !== undefined, text);
    assert.deepEqual(
      task.criteria.map((one) => one.text),
      ["it works; really", "check: npm test"],
    );
    assert.deepEqual([task.tech, task.estimateMinutes, task.after, task.problems], [["Go"], 90, ["two"], []]);
    assert.equal(readQueue(text, options).tasks.length, 4);
    assert.ok(text.startsWith(seed.slice(0, seed.indexOf("- [ ] Two") + 10)));
  }
  assert.throws(() => addTask(seed, { name: "x".repeat(1 << 20) }, { ...options, at }), /1 to 200 characters/);
  assert.throws(() => addTask(seed, { name: " \n" }, { ...options, at }), /needs a name/);
  assert.match(
    addTask("", { name: "First" }, { ...options, at }),
    /^## Active Queue\n\n- \[ \] First - Added: 2026-02-06 15:00\n$/,
  );
});

test("a line that somebody saves in between is kept, and bytes that are no UTF-8 stay", async () => {
  const path = join(folder, "BUILD_QUEUE.md");
  const broken = Buffer.concat([Buffer.from(seed), Buffer.from([0x3c, 0xff, 0xc3, 0x28, 0x0a])]);
  await writeFile(path, broken);
  const ref = refOf(seed, "two");
  let attempts = 0;
  const beforeReplace = async (attempt: number): Promise<void> => {
    attempts = attempt;
    if (attempt === 1) await writeFile(path, Buffer.concat([broken, Buffer.from("- [ ] Mine\n")]));
  };
  const written = await editQueue(path, { within: folder, beforeReplace }, (text) =>
    startTask(text, ref, { ...options, at, label: "two" }),
  );
  assert.deepEqual([written, attempts], [true, 2]);
  const bytes = await readFile(path);
  assert.ok(bytes.includes(Buffer.from([0x3c, 0xff, 0xc3, 0x28, 0x0a])));
  assert.ok(bytes.includes(Buffer.from("- [ ] Mine\n")));
  assert.ok(bytes.includes(Buffer.from("- [ ] Two <!-- mine --> - Started: 2026-02-06 15:00 - Label: two\n")));
});

test("two edits at once are both written", async () => {
  const path = join(folder, "TWO.md");
  await writeFile(path, seed);
  const add = (name: string) =>
    editQueue(path, { within: folder }, (text) => addTask(text, { name }, { ...options, at }));
  await Promise.all([add("A"), add("B"), add("C")]);
  const { tasks } = readQueue(await readFile(path, "utf8"), options);
  const waiting = tasks.filter(({ section }) => section === "queue").map(({ name }) => name);
  assert.deepEqual(waiting.toSorted(), ["A", "B", "C", "One", "Two"]);
});
