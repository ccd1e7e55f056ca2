// The recorder that `node --test` loads. It runs in the test runner's own process, not in those of the test files.
// Plain JavaScript with no imports of ours: it is handed to another Node process by its path.

import { createHmac } from "node:crypto";
import { closeSync, readFileSync, writeSync } from "node:fs";

const key = readFileSync(4, "utf8");
closeSync(4);
let sent = 0;

function send(message) {
  const json = JSON.stringify(message);
  const signature = createHmac("sha256", key).update(`${sent} ${json}`).digest("hex");
  const line = Buffer.from(`${sent} ${signature} ${json}\n`);
  for (let at = 0; at < line.length;) at += writeSync(3, line, at);
  sent += 1;
}

/** What a failed test says, from the outside in: node wraps the real error as the cause. */
function messageOf(error) {
  const real = error?.cause ?? error;
  return String(real?.stack ?? real?.message ?? real).slice(0, 4_000);
}

/** The lines that count as covered though a function or a branch that begins on them never ran. */
function idleLines({ lines, functions, branches }) {
  const ran = new Set(lines.flatMap(({ line, count }) => (count > 0 ? [line] : [])));
  const idle = [...functions, ...branches].flatMap(({ line, count }) => (count === 0 && ran.has(line) ? [line] : []));
  return [...new Set(idle)];
}

export default async function* record(events) {
  for await (const { type, data } of events) {
    if (type === "test:pass" || type === "test:fail") {
      const error = data.details?.error;
      send({
        type: "test",
        passed: type === "test:pass",
        name: data.name,
        nesting: data.nesting,
        suite: data.details?.type === "suite",
        skipped: data.skip !== undefined && data.skip !== false,
        todo: data.todo !== undefined && data.todo !== false,
        file: data.file ?? "",
        parent: data.classname ?? "",
        failure: error?.failureType ?? "",
        exitCode: error?.exitCode ?? null,
        ...(type === "test:fail" ? { message: messageOf(error) } : {}),
      });
      if (type === "test:fail") yield `not ok - ${data.name}\n${messageOf(error)}\n`;
    } else if (type === "test:summary") {
      send({ type: "summary", file: data.file ?? null, success: data.success, counts: data.counts });
    } else if (type === "test:coverage") {
      for (const file of data.summary.files) {
        send({
          type: "coverage",
          file: file.path,
          covered: file.coveredLineCount,
          total: file.totalLineCount,
          idle: idleLines(file),
        });
      }
    } else if (type === "test:stdout" || type === "test:stderr") {
      yield data.message;
    } else if (type === "test:diagnostic" && data.level === "error") {
      yield `${data.message}\n`;
    }
  }
  send({ type: "end" });
}
