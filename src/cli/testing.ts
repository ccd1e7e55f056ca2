import { spawn } from "node:child_process";
import { once } from "node:events";
import { text } from "node:stream/consumers";
import { fileURLToPath } from "node:url";

const steward = fileURLToPath(new URL("../../bin/steward", import.meta.url));

export type Ran = { code: number | null; stdout: string; stderr: string };

/** Runs bin/steward as a person's shell does, with only what the test says of Steward in its environment. */
export async function runSteward(
  words: string[],
  { env = {}, cwd, stdin = "" }: { env?: Record<string, string>; cwd?: string; stdin?: string } = {},
): Promise<Ran> {
  const child = spawn(process.execPath, [steward, ...words], {
    env: { ...plainEnvironment(), ...env },
    ...(cwd === undefined ? {} : { cwd }),
  });
  child.stdin.on("error", () => {});
  child.stdin.end(stdin);
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr), once(child, "close")]);
  return { code: child.exitCode, stdout, stderr };
}

function plainEnvironment(): Record<string, string> {
  const { PATH = "", HOME = "/", TMPDIR } = process.env;
  return { PATH, HOME, ...(TMPDIR === undefined ? {} : { TMPDIR }) };
}
