import assert from "node:assert/strict";
import { test } from "node:test";
import { sql } from "kysely";
import { explainWaits } from "#dispatch/explain.ts";
import { answerApproval } from "#lines/answer-approval.ts";
import { ask } from "#policy/approvals.ts";
import { uuidv7 } from "#system/ids.ts";
import { agentThatWrites, makeJourney, pause, type Journey } from "./house.fixture.ts";
import { smallCode, smallSpec } from "./small-service.fixture.ts";

const builders = { maker: { code: agentThatWrites(smallCode()), capabilities: ["builder"], slots: 4 } };

async function whyItWaits(house: Journey, service: string): Promise<string | undefined> {
  const { tickets } = await house.storyOf(service);
  const ticket = tickets.findLast(({ state }) => state === "ready" || state === "waiting");
  if (!ticket) return undefined;
  const id = String(ticket["id"]);
  return (await house.query((tx) => explainWaits(tx, new Date(), [id]))).get(id);
}

test("a budget row that was set by hand holds, and says so", async (t) => {
  const house = await makeJourney(t, { rules: { built_in_builder: false }, agents: builders });
  const { tenantId } = house.running().house;
  await house.query((tx) =>
    tx.insertInto("budget").values({ id: uuidv7(), tenant_id: tenantId, scope: "line", scope_id: "service", unit: "runs", period: "day", limit_amount: 1 }).execute(),
  ); // prettier-ignore
  await house.addService("one", { "SPEC.md": smallSpec("one") });
  await house.waitFor("one", ({ item }) => item?.["phase"] === "READY_FOR_TEST");
  await house.until("it is said", async () => /a budget is used up: line service per day/.test((await whyItWaits(house, "one")) ?? "")); // prettier-ignore
  await house.addService("two", { "SPEC.md": smallSpec("two") });
  await house.waitFor("two", ({ tickets }) => tickets.length > 0);
  await pause(1_200);
  const claims = await house.events(["ticket.claimed"]);
  assert.equal(claims.length, 1);
  const { rows } = await house.query((tx) => sql<{ spent: number; reserved: number }>`select spent, reserved from budget`.execute(tx)); // prettier-ignore
  assert.deepEqual(rows, [{ spent: 1, reserved: 0 }]);
  await house.query((tx) => sql`update budget set limit_amount = 100`.execute(tx));
  await house.waitFor("two", ({ verdicts }) => verdicts.some(({ gate, ok }) => gate === "tests" && ok));
});

test("quiet hours, a blocker and an open question each hold a ticket, say so, and let go of it", async (t) => {
  const house = await makeJourney(t, { rules: { built_in_builder: false }, agents: builders });
  const { tenantId } = house.running().house;
  await house.query((tx) =>
    sql`insert into quiet_hours (id, tenant_id, scope, scope_id, zone, from_minute, to_minute, days)
      values (${uuidv7()}, ${tenantId}, 'everything', '', 'UTC', 0, 1440, '{1,2,3,4,5,6,7}')`.execute(tx),
  );
  await house.addService("one", { "SPEC.md": smallSpec("one") });
  await house.addService("two", { "SPEC.md": smallSpec("two") });
  const one = await house.waitFor("one", ({ tickets }) => tickets.length > 0);
  const two = await house.waitFor("two", ({ tickets }) => tickets.length > 0);
  await house.until("it says that hours are quiet", async () => (await whyItWaits(house, "one")) === "quiet hours");
  const ids = [one, two].map(({ tickets }) => String(tickets[0]!["id"]));
  const question = await house.query(async (tx) => {
    await sql`insert into blocker (ticket_id, blocked_by, tenant_id) values (${ids[1]}, ${ids[0]}, tenant_now())`.execute(
      tx,
    );
    const approval = await ask(tx, { actor: "steward", at: new Date() }, { kind: "start", itemId: null, question: "Start?", why: "a test", payload: { start: ids[0] } }); // prettier-ignore
    await sql`update ticket set approval_id = ${approval} where id = ${ids[0]}`.execute(tx);
    await sql`delete from quiet_hours`.execute(tx);
    return approval;
  });
  await house.until("one waits for its owner", async () => (await whyItWaits(house, "one")) === "waits for your approval"); // prettier-ignore
  await house.until("two waits for one", async () => /waits for BUILD ASSIGNED: one/.test((await whyItWaits(house, "two")) ?? "")); // prettier-ignore
  await pause(1_200);
  assert.equal((await house.events(["ticket.claimed"])).length, 0, "until then nobody starts");

  await house.query((tx) => answerApproval(tx, { actor: "owner", at: new Date() }, { id: question, decision: "approved", from: "a test" })); // prettier-ignore
  await house.waitFor("two", ({ runs }) => runs.length > 0);
  const claims = await house.events(["ticket.claimed"]);
  const builds = claims.filter(({ subject }) => ids.includes(subject)).map(({ subject }) => subject);
  assert.deepEqual(builds, ids, "first the one that was approved, then the one that it blocked");
});
