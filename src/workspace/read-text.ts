import { closeSync, constants, fstatSync, openSync, readSync, realpathSync } from "node:fs";
import { decodeText } from "#system/decode-text.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";
import { isInside } from "#system/files.ts";

export type ReadText = { text: string; truncated: boolean; writtenAt: Date };
export type ReadProblem = { problem: string };

/**
 * Reads the beginning of a text file, up to `cap` bytes. Never throws, never waits (a named pipe without a writer
 * would block a plain open for ever), and follows a link only to a file inside `within`. A problem is a clause that
 * fits behind the file's name: "is a folder, not a file".
 */
export function readText(path: string, { within, cap }: { within: string; cap: number }): ReadText | ReadProblem {
  let file: number;
  try {
    file = openSync(path, flags);
  } catch (error) {
    if (!hasErrorCode(error, "ELOOP", "EMLINK")) return { problem: `cannot be read: ${why(error)}` };
    try {
      const target = realpathSync(path);
      if (!isInside(within, target)) return { problem: "is a link that leads out of the workspace: not followed" };
      file = openSync(target, flags);
    } catch (broken) {
      if (hasErrorCode(broken, "ENOENT", "ELOOP")) return { problem: "is a link that leads nowhere" };
      return { problem: `cannot be read: ${why(broken)}` };
    }
  }
  try {
    return read(file, cap);
  } catch (error) {
    return { problem: `cannot be read: ${why(error)}` };
  } finally {
    closeSync(file);
  }
}

const flags = constants.O_RDONLY | constants.O_NONBLOCK | constants.O_NOFOLLOW;

function read(file: number, cap: number): ReadText | ReadProblem {
  const stat = fstatSync(file);
  if (stat.isDirectory()) return { problem: "is a folder, not a file" };
  if (!stat.isFile()) return { problem: "is a pipe, socket or device, not a file" };
  const wanted = Math.min(stat.size, cap);
  const bytes = Buffer.allocUnsafe(wanted);
  let length = 0;
  while (length < wanted) {
    const got = readSync(file, bytes, length, wanted - length, null);
    if (got === 0) break;
    length += got;
  }
  const text = decodeText(bytes.subarray(0, length));
  if (text === null) return { problem: "is not text" };
  return { text, truncated: stat.size > cap, writtenAt: stat.mtime };
}

function why(error: unknown): string {
  if (hasErrorCode(error, "EACCES", "EPERM")) return "permission denied";
  if (hasErrorCode(error, "ENOENT")) return "it is not there";
  if (hasErrorCode(error, "ENXIO")) return "it is a socket or device, not a file";
  return messageOf(error);
}
