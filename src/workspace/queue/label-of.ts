import { createHash } from "node:crypto";

/**
 * A task's name as a label: lower-case letters, digits and dashes, one to 48 of them, beginning and ending with a letter
 * or digit. Never empty and never a path, whatever the name is: it becomes part of file names and branches. Long names
 * and names in other scripts get a piece of their hash, so that different ones stay different.
 */
export function labelOf(name: string): string {
  const words = dashed(name.slice(0, longestRead));
  if (words === "") return `task-${hashOf(name, 8)}`;
  if (words.length <= longest && name.length <= longestRead) return words;
  const hash = hashOf(name, 7);
  return `${dashed(words.slice(0, longest - hash.length - 1))}-${hash}`;
}

const longest = 48;
/** What follows only counts for the hash. */
const longestRead = 4096;

const dashed = (text: string): string =>
  text
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[\p{M}'’]/gu, "")
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^-|-$/g, "");

const hashOf = (name: string, length: number): string =>
  createHash("sha256").update(name).digest("hex").slice(0, length);
