import { spawn } from "node:child_process";
import { asUser, type ServerUser } from "./server-user.ts";

/** Runs one of PostgreSQL's own programs to its end, and returns what it said. It gets nothing of our own environment. */
export async function runProgram(
  path: string,
  args: string[],
  { user, cwd, environment = {} }: { user: ServerUser | null; cwd: string; environment?: Record<string, string> },
): Promise<{ code: number | null; output: string }> {
  return new Promise((resolve, reject) => {
    const child = spawn(path, args, {
      ...asUser(user),
      cwd,
      env: { ...serverEnvironment, ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = "";
    const collect = (chunk: Buffer) => (output = (output + chunk.toString()).slice(-20_000));
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", reject);
    child.once("close", (code) => resolve({ code, output: output.trim() }));
  });
}

/** PGDATA, PGPORT and the like of the owner must not reach the server; the messages we look for are in English. */
export const serverEnvironment = { PATH: "/usr/local/bin:/usr/bin:/bin", LC_ALL: "C", TZ: "UTC" };
