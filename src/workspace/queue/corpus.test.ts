import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import test from "node:test";
import type { Queue } from "./queue.ts";
import { readQueue } from "./read-queue.ts";
import { joinText } from "./text-lines.ts";

const folder = join(import.meta.dirname, "corpus");
const options = { now: new Date("2026-02-08T12:00:00Z"), zone: "America/Chicago" };
const files = readdirSync(folder).filter((name) => name.endsWith(".md"));

test("the corpus has queues of at least 25 shapes", () => assert.ok(files.length >= 25));

for (const file of files) {
  test(`a queue is read as it is meant: ${file}`, () => {
    const text = readFileSync(join(folder, file), "utf8");
    const queue = readQueue(text, options);
    assert.equal(joinText(queue.text), text, "it is put together again as it was");
    const expected: unknown = JSON.parse(readFileSync(join(folder, file.replace(/\.md$/, ".json")), "utf8"));
    assert.deepEqual(JSON.parse(JSON.stringify(inShort(queue))), expected);
  });
}

/** What is said of each task, without what is not said. */
export function inShort({ tasks, problems, whole }: Queue): unknown {
  return {
    tasks: tasks.map(({ text: _text, lineText: _lineText, problems: own, place: _place, ...task }) =>
      Object.fromEntries(
        Object.entries({ ...task, problems: own.map(({ line, message }) => `${line}: ${message}`) }).filter(
          ([, value]) => value !== null && value !== false && !(Array.isArray(value) && value.length === 0),
        ),
      ),
    ),
    problems: problems.map(({ line, message }) => `${line}: ${message}`),
    ...(whole ? {} : { whole }),
  };
}
