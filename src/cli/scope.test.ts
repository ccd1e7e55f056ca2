import assert from "node:assert/strict";
import { test } from "node:test";
import { parseScope } from "./scope.ts";

test("every scope can be named, and a service by its name alone", () => {
  assert.deepEqual(parseScope(undefined), { scope: "everything", id: "" });
  assert.deepEqual(parseScope("quotes"), { scope: "item", id: "quotes" });
  assert.deepEqual(parseScope("service:agent"), { scope: "item", id: "agent" });
  assert.deepEqual(parseScope("agent:my:builder"), { scope: "agent", id: "my:builder" });
  for (const scope of ["client", "line", "run"] as const)
    assert.deepEqual(parseScope(`${scope}:x`), { scope, id: "x" });
  for (const wrong of ["universe:x", "agent:", "constructor:x"])
    assert.throws(() => parseScope(wrong), { code: "invalid" });
});
