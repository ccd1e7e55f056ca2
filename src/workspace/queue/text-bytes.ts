/**
 * A file's bytes as text, and the way back, which gives the very same bytes where the text is the same: UTF-8, or UTF-16 by its
 * mark. A byte that is no UTF-8 becomes a lone surrogate (U+DC80 to U+DCFF), which no UTF-8 holds. A mark stays in the text.
 */
export function decodeBytes(bytes: Buffer): { text: string; encode: (text: string) => Buffer } {
  if (bytes[0] === 0xff && bytes[1] === 0xfe && bytes.length % 2 === 0) {
    return { text: bytes.toString("utf16le"), encode: (text) => Buffer.from(text, "utf16le") };
  }
  if (bytes[0] === 0xfe && bytes[1] === 0xff && bytes.length % 2 === 0) {
    return {
      text: Buffer.from(bytes).swap16().toString("utf16le"),
      encode: (text) => Buffer.from(text, "utf16le").swap16(),
    };
  }
  const text = bytes.toString("utf8");
  if (Buffer.from(text).equals(bytes))
    return { text, encode: (edited) => Buffer.from(edited.replace(/\p{Cs}/gu, "\uFFFD")) };
  return { text: escapeBroken(bytes), encode: encodeBroken };
}

function escapeBroken(bytes: Buffer): string {
  let text = "";
  let from = 0;
  for (let at = 0; at < bytes.length;) {
    const length = sequenceLength(bytes, at);
    if (length > 0) {
      at += length;
      continue;
    }
    text += bytes.toString("utf8", from, at) + String.fromCharCode(0xdc00 + bytes[at]!);
    at++;
    from = at;
  }
  return text + bytes.toString("utf8", from);
}

/** Of the well-formed sequence that begins here (Unicode's table 3-7), or 0. */
function sequenceLength(bytes: Buffer, at: number): number {
  const first = bytes[at]!;
  if (first < 0x80) return 1;
  const length =
    first >= 0xc2 && first <= 0xdf ? 2 : first >= 0xe0 && first <= 0xef ? 3 : first >= 0xf0 && first <= 0xf4 ? 4 : 0;
  if (length === 0) return 0;
  const second = bytes[at + 1] ?? 0;
  const low = first === 0xe0 ? 0xa0 : first === 0xf0 ? 0x90 : 0x80;
  const high = first === 0xed ? 0x9f : first === 0xf4 ? 0x8f : 0xbf;
  if (second < low || second > high) return 0;
  for (let more = 2; more < length; more++) if (((bytes[at + more] ?? 0) & 0xc0) !== 0x80) return 0;
  return length;
}

const encodeBroken = (text: string): Buffer =>
  Buffer.concat(
    text.split(/(\p{Cs})/u).map((part) => {
      const code = part.length === 1 ? part.charCodeAt(0) : 0;
      return code >= 0xdc80 && code <= 0xdcff ? Buffer.from([code - 0xdc00]) : Buffer.from(part);
    }),
  );
