import assert from "node:assert/strict";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { openTestServer } from "./testing.ts";

test("who brings no token is told where it is, and a wrong one opens nothing", async (t) => {
  const { url, home, token, ask } = await openTestServer(t);
  const none = await fetch(`${url}/api/status`);
  assert.equal(none.status, 401);
  assert.equal(none.headers.get("www-authenticate"), "Bearer");
  assert.match(((await none.json()) as { message: string }).message, /token/);
  assert.equal((await fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${token}x` } })).status, 401);
  assert.equal((await ask("/api/status")).status, 200);
  assert.equal((await stat(join(home, "token"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(home, "server.json"))).mode & 0o777, 0o600);
});

test("the status shows the house", async (t) => {
  const { client } = await openTestServer(t);
  const status = await client.house.status();
  assert.equal(status.services.length, 1);
  assert.equal(status.counts.services, 1);
  assert.equal(status.agents[0]?.status, "free");
});
