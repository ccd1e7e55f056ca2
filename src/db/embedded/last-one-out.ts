import { createLog } from "#system/log.ts";
import { stopIfLast } from "./stop-embedded.ts";

// `node last-one-out.ts HOME`: a runner starts this, detached, when it ends, so that the database does not stay behind
// where the runner outlived Steward.
const home = process.argv[2];
if (!home) {
  process.stderr.write("usage: node last-one-out.ts HOME\n");
  process.exitCode = 2;
} else {
  try {
    await stopIfLast(home);
  } catch (error) {
    createLog().error({ err: error, home }, "the embedded database could not be ended");
    process.exitCode = 1;
  }
}
