import { equal } from "node:assert/strict";
import { test } from "node:test";
import { decodeText } from "./decode-text.ts";

test("a text is read however an editor saved it, and what is none is not read", () => {
  const text = "# Zähler ✓\n";
  const utf16 = Buffer.from(`\uFEFF${text}`, "utf16le");
  for (const bytes of [Buffer.from(text), Buffer.from(`\uFEFF${text}`), utf16, Buffer.from(utf16).swap16()]) {
    equal(decodeText(bytes), text);
  }
  equal(decodeText(Buffer.concat([Buffer.from(utf16).swap16(), Buffer.from([0])])), text);
  equal(decodeText(Buffer.from("PNG\0\u0001")), null);
  equal(decodeText(Buffer.alloc(0)), "");
});
