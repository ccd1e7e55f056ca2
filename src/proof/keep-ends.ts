/** Keeps the first quarter and the last three quarters of a stream of bytes within a bound, and counts them all. */
export function keepEnds(limitBytes: number) {
  const headLimit = Math.floor(limitBytes / 4);
  const tailLimit = limitBytes - headLimit;
  const head: Buffer[] = [];
  const tail: Buffer[] = [];
  let headBytes = 0;
  let tailBytes = 0;
  let total = 0;
  let dropped = 0;

  return {
    /** Returns the number of bytes seen so far. */
    add(chunk: Buffer): number {
      total += chunk.length;
      const toHead = chunk.subarray(0, Math.max(0, headLimit - headBytes));
      if (toHead.length > 0) head.push(toHead);
      headBytes += toHead.length;
      const toTail = chunk.subarray(toHead.length);
      if (toTail.length > 0) tail.push(toTail);
      tailBytes += toTail.length;
      while (tailBytes > tailLimit) {
        const first = tail.shift()!;
        const cut = Math.min(first.length, tailBytes - tailLimit);
        if (cut < first.length) tail.unshift(first.subarray(cut));
        tailBytes -= cut;
        dropped += cut;
      }
      return total;
    },
    text(): string {
      const gap = dropped > 0 ? `\n… ${dropped} bytes left out …\n` : "";
      return Buffer.concat(head).toString("utf8") + gap + Buffer.concat(tail).toString("utf8");
    },
  };
}
