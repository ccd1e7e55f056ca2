import assert from "node:assert/strict";
import { test } from "node:test";
import { redact } from "./redact.ts";

test("a secret goes as it is, in a URL, in JSON and in base64 wherever it begins", () => {
  const secret = 'p@ss "word"/+42';
  const text = [
    secret,
    `https://x/?key=${encodeURIComponent(secret)}`,
    JSON.stringify({ secret }),
    ...["", "a", "ab", "user:"].map((before) => Buffer.from(`${before}${secret}`).toString("base64")),
    Buffer.from(`${secret} and more`).toString("base64url"),
  ];
  for (const line of text) {
    const clean = redact(line, [secret]);
    assert.ok(clean.includes("[secret]"), `${line} became ${clean}`);
    assert.ok(!clean.includes("word"), clean);
  }
});

test("the longest goes first, so that nothing of it is left", () => {
  assert.equal(redact("key=abcd-1234-efgh", ["1234", "abcd-1234-efgh"]), "key=[secret]");
});

test("each line of a secret of several lines goes too", () => {
  const key = "-----BEGIN KEY-----\nMIIEvQIBADANBgkq\n-----END KEY-----";
  assert.equal(redact("log: MIIEvQIBADANBgkq", [key]), "log: [secret]");
});

test("what is no secret stays, and a value too short to be one hides nothing", () => {
  assert.equal(redact("port 8080, true", ["", "1", "tru", "elsewhere"]), "port 8080, true");
  assert.equal(redact("a.b", ["a.*b?"]), "a.b");
});
