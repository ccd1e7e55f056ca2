import { randomFillSync } from "node:crypto";

let lastAt = 0;
let counter = 0;

/** Random bytes for the next 256 ids: asked for one by one, they were most of what an id cost. */
const pool = Buffer.alloc(256 * 16);
let used = pool.length;

/**
 * A UUID version 7 (RFC 9562 §5.7): 48 bits of Unix milliseconds, then a counter of 12 bits, then random bits. Within one
 * process each id sorts after the one before (§6.2, method 1), so events of one transaction keep their order. The counter
 * begins at a random place in its lower half; when it is used up, and when the clock steps back, the time runs ahead.
 * PostgreSQL 15 has no uuidv7(), so ids are made here.
 */
export function uuidv7(at: number = Date.now()): string {
  if (used === pool.length) {
    randomFillSync(pool);
    used = 0;
  }
  const bytes = pool.subarray(used, (used += 16));
  if (at > lastAt) {
    lastAt = at;
    counter = bytes.readUInt16BE(6) & 0x7ff;
  } else if (++counter > 0xfff) {
    lastAt += 1;
    counter = bytes.readUInt16BE(6) & 0x7ff;
  }
  bytes.writeUIntBE(lastAt, 0, 6);
  bytes.writeUInt16BE(0x7000 | counter, 6);
  bytes[8] = 0x80 | (bytes[8]! & 0x3f);
  const hex = bytes.toString("hex");
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}
