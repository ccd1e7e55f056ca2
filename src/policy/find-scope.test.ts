import assert from "node:assert/strict";
import { test } from "node:test";
import { inTenant } from "#db/db.ts";
import type { Scope } from "#db/schema.ts";
import { createTestDatabase } from "#db/testing.ts";
import { makeAgent, makeHouse, makeItem } from "#dispatch/testing.ts";
import { findScope, namedSwitches } from "./find-scope.ts";
import { setSwitch } from "./switches.ts";

test("a scope is found by the name that a person uses or by its id, and a misspelt one is not", async (t) => {
  const { database } = await createTestDatabase(t);
  const house = await makeHouse(database);
  const agent = await makeAgent(house, { name: "scaffold" });
  const item = await makeItem(house, { key: "quotes" });
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(database.app, house.tenantId, work);
  const expected: [Scope, string, string, string][] = [
    ["everything", "", "", "everything"],
    ["agent", "scaffold", agent, "agent scaffold"],
    ["agent", agent, agent, "agent scaffold"],
    ["item", "quotes", item, "service quotes"],
    ["line", "service", "service", "line service"],
    ["client", "not seen yet", "not seen yet", "client not seen yet"],
  ];
  for (const [scope, asked, scopeId, name] of expected) {
    assert.deepEqual(await within((tx) => findScope(tx, scope, asked)), { scope, scopeId, name });
  }
  for (const scope of ["agent", "item", "line", "run"] as const) {
    await assert.rejects(
      within((tx) => findScope(tx, scope, "nobody")),
      { code: "not_found" },
      scope,
    );
  }
  await within((tx) => setSwitch(tx, "owner", new Date(), { scope: "agent", scopeId: agent }, "slow"));
  assert.deepEqual(
    (await within(namedSwitches)).map(({ name, reason }) => [name, reason]),
    [["agent scaffold", "slow"]],
  );
});
