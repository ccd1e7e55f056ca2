import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { eventsOf, makeHouse } from "#dispatch/testing.ts";
import { ask, decide } from "#policy/approvals.ts";
import { setSwitch } from "#policy/switches.ts";
import { systemClock } from "#system/clock.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { act, type Adapter, type Effect } from "./act.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

async function scene() {
  const house = await makeHouse(db.database);
  const { tenantId, processId, itemId } = house;
  const done: object[] = [];
  const tools = { database: db.database, tenantId, processId, clock: systemClock, processLives: async () => false };
  const adapter: Adapter = {
    kind: "mail",
    resumable: false,
    perform: async (payload) => {
      done.push(payload);
      return { result: { sent: true }, cost: { nano_usd: 7 } };
    },
  };
  const effect: Effect = {
    kind: "mail",
    key: `mail ${uuidv7()}`,
    item: { id: itemId, line: "service", client: null },
    payload: { to: "someone", text: "hello" },
    cost: { nano_usd: 10 },
    allowedBy: { standing: "a test" },
    actor: "steward",
  };
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(db.database.app, tenantId, work);
  const row = () =>
    within((tx) => tx.selectFrom("effect").selectAll().where("key", "=", effect.key).executeTakeFirst());
  return { house, tools, adapter, effect, done, within, row };
}

const failsWith = (code: string) => (error: unknown) => error instanceof Failure && error.code === code;

test("an effect happens once per key, however often it is asked for", async () => {
  const { tools, adapter, effect, done, row, house } = await scene();
  const first = await act(tools, effect, adapter);
  const second = await act(tools, effect, adapter);
  assert.deepEqual({ replayed: second.replayed, result: second.result }, { replayed: true, result: { sent: true } });
  assert.equal(done.length, 1);
  assert.equal((await row())?.state, "done");
  assert.deepEqual(await eventsOf(house, first.effectId), ["effect.started", "effect.done"]);
});

test("eight that ask at once for the same key do it once", async () => {
  const { tools, adapter, effect, done } = await scene();
  const slow: Adapter = {
    ...adapter,
    perform: async (payload, signal) => (
      await new Promise((resolve) => setTimeout(resolve, 50)),
      adapter.perform(payload, signal)
    ),
  };
  const alive = { ...tools, processLives: async () => true };
  const answers = await Promise.allSettled(Array.from({ length: 8 }, () => act(alive, effect, slow)));
  assert.equal(done.length, 1);
  assert.ok(answers.some(({ status }) => status === "fulfilled"));
  assert.ok(answers.every((one) => one.status === "fulfilled" || /right now/.test(String(one.reason))));
});

test("a key is for one change: other words under it are refused", async () => {
  const { tools, adapter, effect, done } = await scene();
  await act(tools, effect, adapter);
  await assert.rejects(act(tools, { ...effect, payload: { to: "someone else" } }, adapter), failsWith("conflict"));
  assert.equal(done.length, 1);
});

test("a switch refuses it, and the refusal is in the ledger with its rule", async () => {
  const { tools, adapter, effect, done, within, house } = await scene();
  await within((tx) => setSwitch(tx, "owner", new Date(), { scope: "line", scopeId: "service" }, "lunch"));
  await assert.rejects(act(tools, effect, adapter), failsWith("stopped"));
  assert.equal(done.length, 0);
  assert.deepEqual(await eventsOf(house, house.itemId), ["effect.refused"]);
});

test("a budget is reserved before and settled with the actual cost after; what does not fit is refused", async () => {
  const { tools, adapter, effect, done, within, house } = await scene();
  await within((tx) =>
    tx
      .insertInto("budget")
      .values({
        id: uuidv7(),
        tenant_id: house.tenantId,
        scope: "everything",
        unit: "nano_usd",
        period: "ever",
        limit_amount: 15,
      })
      .execute(),
  );
  await act(tools, effect, adapter);
  const budget = await within((tx) => tx.selectFrom("budget").selectAll().executeTakeFirstOrThrow());
  assert.deepEqual({ spent: budget.spent, reserved: budget.reserved }, { spent: 7, reserved: 0 });
  await assert.rejects(act(tools, { ...effect, key: "another" }, adapter), failsWith("over_budget"));
  assert.equal(done.length, 1);
});

test("an approval holds for exactly what was approved", async () => {
  const { tools, adapter, effect, done, within } = await scene();
  const because = { actor: "steward", at: new Date() };
  const approvalId = await within((tx) =>
    ask(tx, because, {
      kind: effect.kind,
      itemId: effect.item.id,
      question: "Send it?",
      why: "it costs",
      payload: effect.payload,
    }),
  );
  const asking = { ...effect, allowedBy: { approvalId } };
  await assert.rejects(act(tools, asking, adapter), failsWith("needs_approval"));
  await within((tx) =>
    decide(tx, { actor: "owner", at: new Date() }, { id: approvalId, decision: "approved", from: "test" }),
  );
  await assert.rejects(act(tools, { ...asking, payload: { to: "a stranger" } }, adapter), failsWith("needs_approval"));
  await act(tools, asking, adapter);
  assert.equal(done.length, 1);
});

test("a dry run goes through every check and does nothing", async () => {
  const { tools, adapter, effect, done } = await scene();
  const { result } = await act(tools, effect, adapter, { dryRun: true });
  assert.deepEqual(result, { would: "mail", payload: effect.payload });
  await act(tools, effect, adapter);
  assert.equal(done.length, 1, "a dry run does not use up the key");
});

test("what died in the middle is done again if that finishes it, and asked about if it would do it twice", async () => {
  for (const resumable of [true, false]) {
    const { tools, adapter, effect, done, within, row } = await scene();
    const never: Adapter = { ...adapter, perform: () => new Promise(() => {}) };
    void act(tools, effect, never).catch(() => {});
    while (!(await row())) await new Promise((resolve) => setTimeout(resolve, 10));
    if (resumable) {
      await act(tools, effect, { ...adapter, resumable });
      assert.equal(done.length, 1);
      assert.equal((await row())?.attempt, 2);
    } else {
      await assert.rejects(act(tools, effect, adapter), failsWith("needs_approval"));
      assert.equal(done.length, 0);
      assert.equal(
        (await within((tx) => tx.selectFrom("effect").select("state").where("key", "=", effect.key).executeTakeFirst()))
          ?.state,
        "unknown",
      );
    }
  }
});
