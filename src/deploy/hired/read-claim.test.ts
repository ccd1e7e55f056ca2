import assert from "node:assert/strict";
import { test } from "node:test";
import { readClaim } from "./read-claim.ts";

const read = (record: unknown, changed: string[] = []) =>
  readClaim({ record: typeof record === "string" || record === null ? record : JSON.stringify(record), changed });

test("a record needs no more than a port or an address; what else it says is kept as words", () => {
  const none = { version: null, stop: null, rollback: null };
  assert.deepEqual(read({ port: 8120 }), { url: "http://127.0.0.1:8120", ...none });
  assert.deepEqual(read({ port: "8120", url: null, status: "production" }), { url: "http://127.0.0.1:8120", ...none });
  assert.deepEqual(read({ url: "https://quotes.example.org", version: 7, stop: " flyctl stop ", rollback: "flyctl back" }), {
    url: "https://quotes.example.org", version: "7", stop: "flyctl stop", rollback: "flyctl back",
  }); // prettier-ignore
});

test("a record that is missing, broken or says nothing is refused with what is wrong", () => {
  for (const [record, says] of [
    [null, /left no PRODUCTION\/deployed_config\.json/],
    ["deployed!", /is not JSON/],
    ["[]", /makes no sense/],
    [{}, /needs a "port" or a "url"/],
    [{ port: 0 }, /port: /],
    [{ port: 99_999 }, /port: /],
    [{ port: "80; rm" }, /port: /],
    [{ url: 7 }, /url: /],
    [{ port: 80, stop: "x".repeat(2_001) }, /stop: /],
  ] as const)
    assert.throws(() => read(record), says, JSON.stringify(record));
});

test("what was changed before it was deployed is not what was proved", () => {
  assert.throws(() => read({ port: 80 }, ["src/a.js", "src/b.js"]), /\(src\/a\.js, src\/b\.js\).*not what was proved/);
});
