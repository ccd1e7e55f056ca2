import { existsSync } from "node:fs";
import { followOutput } from "#agents/runner/follow-output.ts";
import type { OutputFrame } from "#agents/runner/run-spec.ts";
import { runFolderOf } from "#agents/work/run-folder.ts";
import { readRunView } from "#dispatch/read-run.ts";
import { hearRun } from "#dispatch/run-words.ts";
import { writeFileAtomic } from "#system/files.ts";
import { because, inHouse, os } from "./base.ts";

export const runs = {
  get: os.runs.get.handler(({ context, input: { id } }) =>
    inHouse(context, async (tx) => {
      const { costNano, ...run } = await readRunView(tx, id);
      return { ...run, costUsd: costNano / 1e9 };
    }),
  ),
  output: os.runs.output.handler(async ({ context, input: { id, from } }) => {
    // Read before the output: a run that has ended by then writes no more.
    const run = await inHouse(context, (tx) => readRunView(tx, id));
    const output = await readOutput(run.folder ?? runFolderOf(context.house.home, id).folder, run.fence, from);
    return { ...output, ended: run.state === "ended" && !output.more };
  }),
  heartbeat: os.runs.heartbeat.handler(async ({ context, input: { id } }) => {
    await inHouse(context, (tx) => hearRun(tx, because(context), id, { says: "alive" }));
    return { ok: true };
  }),
  progress: os.runs.progress.handler(async ({ context, input: { id, percent, text } }) => {
    await inHouse(context, (tx) =>
      hearRun(tx, because(context), id, { says: "progress", percent: percent ?? null, text }),
    );
    return { ok: true };
  }),
  report: os.runs.report.handler(async ({ context, input: { id, outcome, reasons } }) => {
    await inHouse(context, (tx) => hearRun(tx, because(context), id, { says: "ended", outcome, reasons }));
    // Where its runner's Steward reads it when the process has ended; a run of another host writes its own.
    const { folder, report } = runFolderOf(context.house.home, id);
    if (existsSync(folder)) await writeFileAtomic(report, `${JSON.stringify({ outcome, reasons })}\n`, { mode: 0o600 });
    return { ok: true };
  }),
};

/** Text of one answer at most; the caller comes again from `next`. */
const ANSWER_CHARACTERS = 512 * 1024;

async function readOutput(folder: string, fence: number, from: number) {
  const frames: OutputFrame[] = [];
  let next = from;
  let size = 0;
  for await (const { next: after, at, stream, text } of followOutput(folder, { fence, from, follow: false })) {
    frames.push({ at, stream, text });
    next = after;
    size += text.length;
    if (size >= ANSWER_CHARACTERS) return { frames, next, more: true };
  }
  return { frames, next, more: false };
}
