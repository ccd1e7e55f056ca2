import assert from "node:assert/strict";
import { test } from "node:test";
import { openTestServer } from "#http/testing.ts";
import { runSteward } from "./testing.ts";

test("status --json prints the whole picture and nothing else on stdout", async (t) => {
  const { home, folder } = await openTestServer(t);
  const { code, stdout, stderr } = await runSteward(["status", "--json", "--workspace", folder], {
    env: { STEWARD_HOME: home },
  });
  assert.equal(code, 0, stderr);
  assert.equal(stderr, "");
  assert.equal((JSON.parse(stdout) as { services: unknown[] }).services.length, 1);
});
