// Loaded before each test file. Node counts a file whose process ends itself with 0 as passed, whatever tests were
// still to come; here such an end has an exit code of its own, and so is a failure. A process that becomes another
// program (process.execve) has no end of its own: only a file that came to its end is written down as ended.
// Programs that the tests start, by fork or worker, may end as they like.

import { appendFileSync, readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const { searchParams } = new URL(import.meta.url);
const ended = searchParams.get("ended");
const file = process.argv[1];
// Bound now: the tests may put mocks in their places.
const append = appendFileSync;

if (isMainThread && JSON.parse(readFileSync(searchParams.get("files"), "utf8")).includes(file)) {
  const end = process.reallyExit;
  process.reallyExit = (code) => end.call(process, code || 87);
  process.once("exit", () => append(ended, `${JSON.stringify(file)}\n`));
}
