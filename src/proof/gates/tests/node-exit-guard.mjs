// Loaded before each test file. Node counts a file whose process ends itself with 0 as passed, whatever tests were
// still to come; here such an end has an exit code of its own, and so is a failure. Programs that the tests start, by
// fork or worker, may end as they like.

import { readFileSync } from "node:fs";
import { isMainThread } from "node:worker_threads";

const files = new URL(import.meta.url).searchParams.get("files");

if (isMainThread && JSON.parse(readFileSync(files, "utf8")).includes(process.argv[1])) {
  const end = process.reallyExit;
  process.reallyExit = (code) => end.call(process, code || 87);
}
