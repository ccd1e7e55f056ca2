/** A proposal is read on a screen by a person: what is longer is to be looked at in the file. */
const MOST_LINES = 120;
const MOST_CHARACTERS = 200;
const CONTEXT_LINES = 2;

/**
 * The difference of two files for a person to read, bounded: what is between their common beginning and end, `-` and
 * `+` in front, with a little of what is around. Null is a file that is not there.
 */
export function describeChange(before: Uint8Array | null, after: Uint8Array | null): string {
  if (isBinary(before) || isBinary(after)) return `Binary: ${sizeOf(before)} before, ${sizeOf(after)} after.`;
  const old = linesOf(before);
  const young = linesOf(after);
  let start = 0;
  while (start < old.length && start < young.length && old[start] === young[start]) start += 1;
  let end = 0;
  while (end < Math.min(old.length, young.length) - start && old.at(-1 - end) === young.at(-1 - end)) end += 1;
  const lines = [
    ...old.slice(Math.max(0, start - CONTEXT_LINES), start).map((line) => `  ${line}`),
    ...old.slice(start, old.length - end).map((line) => `- ${line}`),
    ...young.slice(start, young.length - end).map((line) => `+ ${line}`),
    ...young.slice(young.length - end, young.length - end + CONTEXT_LINES).map((line) => `  ${line}`),
  ];
  const shown = lines
    .slice(0, MOST_LINES)
    .map((line) => (line.length > MOST_CHARACTERS ? `${line.slice(0, MOST_CHARACTERS)}…` : line));
  const more = lines.length - shown.length;
  return [`@@ line ${start + 1} @@`, ...shown, ...(more > 0 ? [`… and ${more} more lines`] : [])].join("\n");
}

function linesOf(bytes: Uint8Array | null): string[] {
  if (bytes === null || bytes.length === 0) return [];
  const lines = Buffer.from(bytes).toString("utf8").split("\n");
  return lines.at(-1) === "" ? lines.slice(0, -1) : lines;
}

const isBinary = (bytes: Uint8Array | null): boolean => bytes?.subarray(0, 8_000).includes(0) ?? false;

const sizeOf = (bytes: Uint8Array | null): string => (bytes === null ? "nothing" : `${bytes.length} bytes`);
