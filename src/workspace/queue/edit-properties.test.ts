import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import { Failure } from "#system/failure.ts";
import { addTask } from "./add-task.ts";
import { finishTask, moveTask, returnToQueue, setPriority, startTask, tickCriterion } from "./edit-task.ts";
import type { ListedTask } from "./queue.ts";
import { readQueue } from "./read-queue.ts";
import { splitText } from "./text-lines.ts";

const folder = join(import.meta.dirname, "corpus");
const files = readdirSync(folder).filter((name) => name.endsWith(".md"));
const options = { now: new Date("2026-02-08T12:00:00Z"), zone: "America/Chicago" };

/** Small and seeded (mulberry32), so that what fails fails again. */
function randomFrom(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state);
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed;
    return Math.floor((((mixed ^ (mixed >>> 14)) >>> 0) / 4294967296) * below);
  };
}

const names = [
  "Plain name",
  "'; rm -rf ~ #",
  "$(reboot)",
  "../../etc/passwd",
  ".*+?^${}()|[\\]",
  "a_b_c *d* `e`",
  "Name - Priority: High",
  "Deploy: the thing — now",
  "<!-- x -->",
  "日本語 🎉",
  "1. not a list",
  "[x] not a box",
  "with\0nul and\nnewline",
];

test("Steward changes only the lines of the task it means, whatever people do between, and no task is lost or doubled", () => {
  let written = 0;
  let refused = 0;
  for (const file of files) {
    for (let seed = 1; seed <= 2; seed++) {
      const random = randomFrom(seed * 1000 + files.indexOf(file));
      let text = readFileSync(join(folder, file), "utf8");
      for (let step = 0; step < 12; step++) {
        if (random(3) === 0) {
          text = byPerson(text, random);
          continue;
        }
        const before = readQueue(text, options);
        if (before.tasks.length === 0 && random(2) === 0) continue;
        const at = new Date(options.now.getTime() + step * 60_000);
        const task = before.tasks[random(Math.max(1, before.tasks.length))];
        const edit = random(7);
        const added = names[random(names.length)]!;
        let after: string;
        try {
          after = bySteward(text, task, edit, added, at, random);
        } catch (error) {
          if (!(error instanceof Failure)) throw error;
          refused++;
          continue;
        }
        written++;
        check(`${file}, seed ${seed}, step ${step}, edit ${edit}`, text, after, task, edit, added);
        text = after;
      }
    }
  }
  assert.ok(written > 250, `only ${written} edits were written`);
  assert.ok(refused < written / 5, `${refused} edits were refused, ${written} written`);
});

function bySteward(
  text: string,
  task: ListedTask | undefined,
  edit: number,
  added: string,
  at: Date,
  random: (below: number) => number,
): string {
  if (edit === 6 || task === undefined) {
    const details =
      random(2) === 0 ? {} : { description: "line\n# heading\n```\n- [ ] box", criteria: ["it works", "$(x) `y`"] };
    return addTask(text, { name: added, priority: "high", ...details }, { ...options, at });
  }
  const ref = { key: task.key, lineText: task.lineText };
  if (edit === 0) return startTask(text, ref, { ...options, at, label: task.key });
  if (edit === 1)
    return finishTask(text, ref, { ...options, at, minutes: 90, deliverables: ["src/a b.ts", "https://x.test/(y)|z"] });
  if (edit === 2) return returnToQueue(text, ref, { ...options, end: random(2) === 0 ? "first" : "last" });
  if (edit === 3) return setPriority(text, ref, (["high", "medium", "low"] as const)[random(3)]!, options);
  if (edit === 4) return moveTask(text, ref, random(5), options);
  const criterion = task.criteria[random(Math.max(1, task.criteria.length))];
  return criterion === undefined ? text : tickCriterion(text, ref, criterion, random(2) === 0, options);
}

function check(
  where: string,
  before: string,
  after: string,
  task: ListedTask | undefined,
  edit: number,
  added: string,
): void {
  const was = readQueue(before, options);
  const is = readQueue(after, options);
  const isAdd = edit === 6 || task === undefined;
  const expected = was.tasks.map(({ name }) => name);
  if (isAdd) expected.push(added.replace(/[\s\p{Cc}]+/gu, " ").trim());
  assert.deepEqual(is.tasks.map(({ name }) => name).toSorted(), expected.toSorted(), `${where}: tasks`);
  assert.equal(new Set(is.tasks.map(({ key }) => key)).size, is.tasks.length, `${where}: keys`);

  // Without the task's own lines, and those that Steward adds, nothing differs: not a byte, not the order.
  const place = task === undefined || isAdd ? null : was.places.get(task.key)!;
  const own = new Set<number>();
  if (place !== null) {
    for (let line = place.from; line < place.to; line++) own.add(line);
    for (const line of place.fieldLines.values()) own.add(line);
    if (edit === 5) for (const { line } of task!.criteria) own.add(line - 1);
  }
  const left = splitText(before);
  const right = splitText(after);
  const strangers = left.lines
    .map((line, index) => line + left.endings[index]!)
    .filter((_line, index) => !own.has(index));
  const written = right.lines.map((line, index) => line + right.endings[index]!);
  let at = 0;
  for (const [index, line] of strangers.entries()) {
    const isLast = index === strangers.length - 1;
    while (at < written.length && written[at] !== line && !(isLast && sameLine(written[at]!, line))) at++;
    assert.ok(at < written.length, `${where}: ${JSON.stringify(line)} is gone or elsewhere`);
    at++;
  }
  const grown = right.lines.length - left.lines.length;
  assert.ok(grown <= (isAdd ? 24 : 6), `${where}: ${grown} lines more`);
  assert.equal(right.mark, left.mark);
}

/** A file's last line may have no ending, and needs one once something stands below it. */
const sameLine = (one: string, other: string): boolean => one.replace(/[\r\n]+$/, "") === other.replace(/[\r\n]+$/, "");

function byPerson(text: string, random: (below: number) => number): string {
  const { lines, endings, mark, newline } = splitText(text);
  const at = random(lines.length + 1);
  const edit = random(5);
  if (edit === 0) {
    lines.splice(at, 0, `- [ ] ${names[random(names.length)]!.replace(/\n/g, " ")}`);
    endings.splice(at, 0, newline);
  } else if (edit === 1 && lines.length > 1) {
    const from = Math.min(at, lines.length - 1);
    lines.splice(from, 1);
    endings.splice(from, 1);
  } else if (edit === 2 && at < lines.length) lines[at] += "  ";
  else if (edit === 3 && at < lines.length) lines[at] = lines[at]!.replace("[ ]", "[x]");
  else {
    lines.splice(at, 0, ["", "<!-- a note -->", "some words", "  - a sub bullet", "## Later"][random(5)]!);
    endings.splice(at, 0, newline);
  }
  return (
    mark + lines.map((line, index) => line + (endings[index] || (index < lines.length - 1 ? newline : ""))).join("")
  );
}
