import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { eventsOf, makeHouse } from "#dispatch/testing.ts";
import { Failure } from "#system/failure.ts";
import { ask, decide, expireApprovals, openApprovals, payloadHash, type Question } from "./approvals.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

async function scene() {
  const house = await makeHouse(db.database);
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(db.database.app, house.tenantId, work);
  const question: Question = {
    kind: "money",
    itemId: house.itemId,
    question: "Buy it?",
    why: "it costs 3 $",
    payload: { price: 3, of: { b: 1, a: 2 } },
  };
  const put = (overrides: Partial<Question> = {}) =>
    within((tx) => ask(tx, { actor: "steward", at: new Date() }, { ...question, ...overrides }));
  return { house, within, put };
}

test("the same question is asked once, and another payload is another question", async () => {
  const { put, within, house } = await scene();
  const id = await put();
  assert.equal(await put({ payload: { of: { a: 2, b: 1 }, price: 3 } }), id, "the order of keys says nothing");
  assert.notEqual(await put({ payload: { price: 4 } }), id);
  assert.equal((await within(openApprovals)).length, 2);
  assert.deepEqual(await eventsOf(house, id), ["approval.asked"]);
});

test("it is decided once, by whom and from where, and then stands", async () => {
  const { put, within, house } = await scene();
  const id = await put();
  const answer = (decision: "approved" | "declined") =>
    within((tx) => decide(tx, { actor: "owner", at: new Date() }, { id, decision, from: "cli" }));
  await answer("declined");
  await assert.rejects(
    answer("approved"),
    (error) => error instanceof Failure && error.code === "conflict" && /declined already/.test(error.message),
  );
  const row = await within((tx) =>
    tx.selectFrom("approval").selectAll().where("id", "=", id).executeTakeFirstOrThrow(),
  );
  assert.deepEqual([row.state, row.decided_by, row.decided_from], ["declined", "owner", "cli"]);
  assert.deepEqual(await eventsOf(house, id), ["approval.asked", "approval.decided"]);
});

test("what nobody answered in time is decided by its default", async () => {
  const { put, within } = await scene();
  const past = new Date(Date.now() - 1_000);
  const no = await put({ payload: { n: 1 }, expiresAt: past });
  const yes = await put({ payload: { n: 2 }, expiresAt: past, onExpiry: "approve" });
  const open = await put({ payload: { n: 3 }, expiresAt: new Date(Date.now() + 60_000) });
  assert.equal(await within((tx) => expireApprovals(tx, new Date())), 2);
  const states = await within((tx) => tx.selectFrom("approval").select(["id", "state"]).execute());
  assert.deepEqual(Object.fromEntries(states.map(({ id, state }) => [id, state])), {
    [no]: "expired",
    [yes]: "approved",
    [open]: "open",
  });
});

test("a payload's hash depends on what it says and on nothing else", () => {
  assert.equal(payloadHash({ a: 1, b: [1, 2] }), payloadHash({ b: [1, 2], a: 1 }));
  assert.notEqual(payloadHash({ a: 1, b: [1, 2] }), payloadHash({ a: 1, b: [2, 1] }));
});
