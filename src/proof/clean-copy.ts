import { constants } from "node:fs";
import { chmod, copyFile, mkdir, readFile, realpath, rm, stat, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { isInside } from "#system/files.ts";
import { eachOf } from "./each-of.ts";
import { README_LIMIT_BYTES, isReadme, withoutOwnLines } from "./left-out.ts";
import { unreadable } from "./unreadable.ts";
import { bytesOf, shown, walkContent } from "./walk-content.ts";

export type CopyLimits = { copyLimitBytes: number; copyLimitFiles: number };

/** `left`: links that were not copied, as "path: why". */
export type Copied = { files: number; bytes: number; left: string[] };

const COPIES_AT_ONCE = 8;

/**
 * Copies a service's content into a fresh folder: what content-hash.ts hashes and nothing else. A link is kept only
 * if it is relative and ends inside the service: any other would let the tests see, or change, the owner's files.
 * Fails with "invalid" when the content is larger than the limits; the folder is then removed.
 */
export async function cleanCopy(serviceDir: string, target: string, limits: CopyLimits): Promise<Copied> {
  const root = await realpath(serviceDir).catch((error: unknown) => Promise.reject(unreadable(serviceDir, error)));
  const copied: Copied = { files: 0, bytes: 0, left: [] };
  const links: { path: string; target: string }[] = [];
  await mkdir(target, { recursive: true });
  try {
    await eachOf(walkContent(root), COPIES_AT_ONCE, async (entry) => {
      const to = bytesOf(target, entry.path);
      if (entry.kind === "link") return void links.push(entry);
      if (entry.kind === "folder") return void (await mkdir(to, { recursive: true }));
      copied.files += 1;
      copied.bytes += entry.bytes;
      checkLimits(serviceDir, copied, limits);
      const own = isReadme(shown(entry.path)) && entry.bytes <= README_LIMIT_BYTES;
      await copyOne(bytesOf(root, entry.path), to, { path: join(root, shown(entry.path)), withOwnLines: own });
    });
    // Links last: nothing is ever written through one.
    for (const link of links) {
      const why = await whyNotCopied(root, link);
      if (why === null) await symlink(Buffer.from(link.target, "latin1"), bytesOf(target, link.path));
      else copied.left.push(`${shown(link.path)}: ${why}`);
    }
    return copied;
  } catch (error) {
    await rm(target, { recursive: true, force: true });
    throw error;
  }
}

/** Steward's lines of a README are no content: a service that read them would read what nobody has judged. */
async function copyOne(
  from: Buffer,
  to: Buffer,
  { path, withOwnLines }: { path: string; withOwnLines: boolean },
): Promise<void> {
  try {
    await mkdir(parentOf(to), { recursive: true });
    if (withOwnLines) {
      await writeFile(to, withoutOwnLines(await readFile(from, "latin1")), { encoding: "latin1", flag: "wx" });
    } else await copyFile(from, to, constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL);
    // A read-only file must not stop the tests, nor the removal of the copy.
    const { mode } = await stat(withOwnLines ? from : to);
    await chmod(to, mode | 0o600);
  } catch (error) {
    if (hasErrorCode(error, "ENOENT")) return;
    throw unreadable(path, error);
  }
}

function parentOf(path: Buffer): Buffer {
  return path.subarray(0, path.lastIndexOf("/"));
}

async function whyNotCopied(root: string, link: { path: string; target: string }): Promise<string | null> {
  if (link.target.startsWith("/")) return "its target is an absolute path";
  try {
    const end = await realpath(bytesOf(root, link.path), { encoding: "utf8" });
    return isInside(root, end) ? null : "it points outside the service";
  } catch {
    return "it points to nothing";
  }
}

function checkLimits(serviceDir: string, copied: Copied, limits: CopyLimits): void {
  const what =
    copied.files > limits.copyLimitFiles
      ? `more than ${limits.copyLimitFiles} files`
      : copied.bytes > limits.copyLimitBytes
        ? `more than ${Math.round(limits.copyLimitBytes / (1 << 20))} MiB`
        : null;
  if (what === null) return;
  throw new Failure("invalid", `${serviceDir} has ${what}: too large to prove; move data out of the service's folder`);
}
