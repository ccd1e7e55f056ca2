import { join } from "node:path";
import { readdir } from "node:fs/promises";
import { hasErrorCode } from "#system/failure.ts";
import { statusMarker } from "./build-claim.ts";
import { editFile, type EditOptions } from "./edit-file.ts";

/**
 * Sets Steward's own line in a service's README, such as "🚧 BUILD IN PROGRESS by builder-2"; null takes it out again.
 * Only that line changes, byte for byte. It stands below the title. A README that is not there is made only if `create`
 * says so, and never in a folder that is gone. True if it was written.
 */
export async function setReadmeStatus(
  serviceFolder: string,
  status: string | null,
  { create = false, ...options }: EditOptions & { create?: boolean },
): Promise<boolean> {
  const names = await readdir(serviceFolder).catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return null;
    throw error;
  });
  if (names === null) return false;
  const name = names.toSorted().find((candidate) => /^readme(?:\.(?:md|markdown|txt))?$/i.test(candidate));
  if (name === undefined && (!create || status === null)) return false;
  return editFile(join(serviceFolder, name ?? "README.md"), options, (bytes) => {
    if (bytes !== null && bytes.subarray(0, 8192).includes(0)) return null; // no text: nowhere to put a line
    return Buffer.from(withStatus(bytes?.toString("latin1") ?? "", status), "latin1");
  });
}

/** `readme` and what is returned are bytes as characters (latin1), so that what is not UTF-8 stays what it is. */
export function withStatus(readme: string, status: string | null): string {
  const lines: string[] = readme.match(/[^\r\n]*(?:\r\n|\n|\r)|[^\r\n]+$/g) ?? [];
  const newline = /\r\n|\n|\r/.exec(readme)?.[0] ?? "\n";
  const own = status === null ? null : Buffer.from(`${oneLine(status)} ${statusMarker}`).toString("latin1");
  const at = ownLine(lines);
  if (at !== -1) {
    const end = /[\r\n]*$/.exec(lines[at]!)![0];
    if (own !== null) lines[at] = own + end;
    else lines.splice(at, isBlank(lines[at + 1]) && isBlank(lines[at - 1]) ? 2 : 1);
    return lines.join("");
  }
  if (own === null) return readme;
  const title = titleLine(lines);
  if (title === -1) {
    const start = readme.startsWith(byteOrderMark) ? byteOrderMark : "";
    const rest = readme.slice(start.length);
    return `${start}${own}${newline}${rest === "" ? "" : newline}${rest}`;
  }
  if (!/[\r\n]$/.test(lines[title]!)) lines[title] += newline;
  const below = title + 1;
  if (lines[below] === undefined) lines.push(newline, own + newline);
  else if (isBlank(lines[below])) lines.splice(below + 1, 0, own + newline, newline);
  else lines.splice(below, 0, newline, own + newline, newline);
  return lines.join("");
}

/** As UTF-8, seen as latin1. */
const byteOrderMark = "\u00EF\u00BB\u00BF";

/** The marked line, outside fences: an example in a README's code block is not ours. */
function ownLine(lines: readonly string[]): number {
  return outsideFences(lines).find((index) => lines[index]!.includes(statusMarker)) ?? -1;
}

function titleLine(lines: readonly string[]): number {
  const found = outsideFences(lines).find((index) => {
    const line = lines[index]!.replace(byteOrderMark, "");
    return /^#\s+\S/.test(line) || (/^=+\s*$/.test(line) && index > 0 && !isBlank(lines[index - 1]));
  });
  return found ?? -1;
}

function outsideFences(lines: readonly string[]): number[] {
  let inFence = false;
  return lines.flatMap((line, index) => {
    const isFence = /^ {0,3}(?:```|~~~)/.test(line);
    if (isFence) inFence = !inFence;
    return inFence || isFence ? [] : [index];
  });
}

const isBlank = (line: string | undefined): boolean => line !== undefined && line.trim() === "";

/** Names of agents come from outside: no line of theirs, and no comment, ends ours. */
const oneLine = (status: string): string =>
  status
    .replace(/[\p{Cc}\s]+/gu, " ")
    .replaceAll(/<!--|-->/g, "")
    .trim();
