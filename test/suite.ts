// What all files of one run share. The runner begins it before the first and ends it after the last.
import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { keepTestServer } from "#db/testing.ts";

/**
 * `compiled`: the folder in which Node keeps what it has compiled. A process that is killed never writes there, and many
 * tests kill Steward: so that they do not all compile it anew, it is loaded once to its end.
 */
export async function beginSuite({ compiled }: { compiled: string }): Promise<{ end(): Promise<void> }> {
  const load = ["#house/up.ts", "#house/end-everything.ts", "#cli/commands/up.ts", "#cli/commands/worker.ts"];
  const script = load.map((module) => `await import(${JSON.stringify(import.meta.resolve(module))});`).join("");
  await promisify(execFile)(process.execPath, ["--input-type=module", "-e", `${script}process.exit()`], {
    env: { ...process.env, NODE_COMPILE_CACHE: compiled },
  }).catch(() => {}); // What cannot be loaded is for the tests to say.
  return keepTestServer();
}
