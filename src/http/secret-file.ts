import { randomBytes } from "node:crypto";
import { link, mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { Failure, hasErrorCode } from "#system/failure.ts";

/**
 * 32 random bytes in a file that only its owner reads, made the first time it is asked for. Written whole beside it and
 * linked into place, so that of two processes that make it at once one wins, and nobody reads half of it.
 */
export async function secretIn(path: string): Promise<string> {
  const there = await readSecret(path);
  if (there !== null) return there;
  await mkdir(dirname(path), { recursive: true });
  const temporary = `${path}.${randomBytes(6).toString("hex")}.tmp`;
  await writeFile(temporary, `${randomBytes(32).toString("base64url")}\n`, { mode: 0o600, flag: "wx" });
  try {
    await link(temporary, path);
  } catch (error) {
    if (!hasErrorCode(error, "EEXIST")) throw error;
  } finally {
    await rm(temporary, { force: true });
  }
  return (await readSecret(path))!;
}

/** Null if there is none. */
export async function readSecret(path: string): Promise<string | null> {
  try {
    return (await readFile(path, "utf8")).trim();
  } catch (error) {
    if (hasErrorCode(error, "ENOENT", "ENOTDIR")) return null;
    throw unreadableHome(dirname(path), error);
  }
}

/** Steward's folder is its user's alone: whoever is somebody else is told so, and not that nothing runs. */
export function unreadableHome(home: string, error: unknown): unknown {
  if (!hasErrorCode(error, "EACCES", "EPERM")) return error;
  return new Failure(
    "forbidden",
    `Steward's folder ${home} is not yours to read: ask as the user who started it, such as \`sudo -u USER steward status\`, or name another (STEWARD_HOME).`,
    { cause: error },
  );
}
