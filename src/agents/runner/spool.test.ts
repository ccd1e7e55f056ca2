import assert from "node:assert/strict";
import { stat, symlink } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { followOutput } from "./follow-output.ts";
import type { OutputFrame } from "./run-spec.ts";
import { prepareRun, startRunner } from "./start-runner.ts";
import { fence, finished, newRun, node, start } from "./testing.ts";

test("a flood of output fills neither the disk nor the runner's memory, and its end is still known", async (t) => {
  const limit = 256 * 1024;
  const { folder, spec } = await newRun(
    t,
    node(`import { writeSync, readFileSync } from "node:fs";
          const piece = Buffer.from(("x".repeat(199) + "\\n").repeat(5000));
          for (let i = 0; i < 100; i += 1) for (let at = 0; at < piece.length; ) {
            try { at += writeSync(1, piece, at); } catch (error) { if (error.code !== "EAGAIN") throw error; }
          }
          const status = readFileSync("/proc/" + process.ppid + "/status", "utf8");
          console.log("runner " + /VmHWM:\\s+(\\d+)/.exec(status)[1]);`),
    { limits: { outputBytes: limit } },
  );
  const result = await start(folder, spec);
  assert.equal(result.outcome, "exited");
  assert.equal(result.exitCode, 0);
  assert.ok(result.outputBytes > 100e6);
  assert.ok(result.droppedBytes > result.outputBytes - limit && result.droppedBytes < result.outputBytes);
  const [, kilobytes] = /^runner (\d+)$/.exec(result.lastLines.at(-1)!) ?? [];
  t.diagnostic(`the runner's memory at most: ${Math.round(Number(kilobytes) / 1024)} MiB`);
  assert.ok(Number(kilobytes) < 160 * 1024);
  assert.ok((await stat(join(folder, "output.log"))).size < limit + 1_000);
  const notes = (await frames(folder)).filter(({ stream }) => stream === "note");
  assert.equal(notes.length, 1);
  assert.match(notes[0]!.text, /output limit of 262144 bytes/);
});

test("output without a newline is kept, and characters are never cut in two", async (t) => {
  const { folder, spec } = await newRun(
    t,
    node(`process.stdout.write(Buffer.from([0xe2, 0x9c]));
          setTimeout(() => { process.stdout.write(Buffer.from([0x93])); process.stderr.write("half: \\u20ac"); }, 100);`),
  );
  const result = await start(folder, spec);
  const all = await frames(folder);
  assert.equal(textOf(all, "stdout"), "✓");
  assert.equal(textOf(all, "stderr"), "half: €");
  assert.ok(all.every(({ at }) => !Number.isNaN(Date.parse(at))));
  assert.equal(result.outputBytes, 3 + 9);
});

test("bytes that are no text do no harm", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", String.raw`printf '\377\000\033[31m\xc3'`]);
  const result = await start(folder, spec);
  assert.equal(result.outcome, "exited");
  assert.ok(textOf(await frames(folder), "stdout").startsWith("\uFFFD\0\x1b[31m"));
});

test("output can be followed while it is written, and again from where one left off", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "echo one; while [ ! -e go ]; do sleep 0.02; done; echo two"]);
  await prepareRun(folder, spec);
  await startRunner(folder);
  const seen: string[] = [];
  let next = 0;
  for await (const frame of followOutput(folder, { fence, everyMs: 10 })) {
    seen.push(frame.text);
    next = frame.next;
    if (frame.text === "one\n")
      await import("node:fs/promises").then(({ writeFile }) => writeFile(join(folder, "go"), ""));
  }
  assert.deepEqual(seen, ["one\n", "two\n"]);
  assert.equal(next, (await stat(join(folder, "output.log"))).size);
  const [first] = await frames(folder);
  const later: string[] = [];
  for await (const frame of followOutput(folder, { fence, from: first!.next, follow: false })) later.push(frame.text);
  assert.deepEqual(later, ["two\n"]);
});

test("following ends when it is told to", async (t) => {
  const { folder, spec } = await newRun(t, ["sleep", "60"]);
  await prepareRun(folder, spec);
  await startRunner(folder);
  const stop = new AbortController();
  setTimeout(() => stop.abort(), 50);
  for await (const _ of followOutput(folder, { fence, signal: stop.signal })) assert.fail();
});

test("a disk that takes no output costs the log, not the run nor its result", async (t) => {
  const { folder, spec } = await newRun(t, ["sh", "-c", "echo lost; echo also lost; exit 4"]);
  await prepareRun(folder, spec);
  // Every write to it says that the disk is full.
  await symlink("/dev/full", join(folder, "output.log"));
  await startRunner(folder);
  const result = await finished(folder);
  assert.equal(result.exitCode, 4);
  assert.equal(result.droppedBytes, result.outputBytes);
  assert.deepEqual(result.lastLines, ["lost", "also lost"]);
});

async function frames(folder: string) {
  const all = [];
  for await (const frame of followOutput(folder, { fence, follow: false })) all.push(frame);
  return all;
}

function textOf(all: OutputFrame[], stream: string): string {
  return all
    .filter((frame) => frame.stream === stream)
    .map(({ text }) => text)
    .join("");
}
