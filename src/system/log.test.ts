import assert from "node:assert/strict";
import { test } from "node:test";
import { tellError } from "./log.ts";

test("an error in the log is what it is and why, not all that hangs on it", () => {
  const cause = Object.assign(new TypeError("no route"), { code: "ENOTFOUND", client: { secretKey: 42 } });
  const error = Object.assign(new Error("it failed", { cause }), { client: { password: "hunter2" } });
  const told = tellError(error);
  assert.deepEqual(Object.keys(told), ["type", "message", "stack", "cause"]);
  assert.deepEqual([told.type, told.message, told.cause?.type, told.cause?.code], ["Error", "it failed", "TypeError", "ENOTFOUND"]); // prettier-ignore
  assert.doesNotMatch(JSON.stringify(told), /hunter2|secretKey/);
  assert.deepEqual(tellError("just words"), { type: "string", message: "just words" });
  const loop = new Error("loop");
  loop.cause = loop;
  assert.ok(JSON.stringify(tellError(loop)).length < 20_000);
});
