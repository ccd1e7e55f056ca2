import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { makeAgent, makeHouse, makeItem, makeTicket } from "#dispatch/testing.ts";
import { uuidv7 } from "#system/ids.ts";
import { quietScopes, ticketIsQuiet } from "./quiet-hours.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

type Window = { scope: string; scopeId?: string; from: number; to: number; days?: number[]; zone?: string };

const add = (
  house: { tenantId: string },
  { scope, scopeId = "", from, to, days = [1, 2, 3, 4, 5, 6, 7], zone = "UTC" }: Window,
) =>
  inTenant(db.database.app, house.tenantId, (tx) =>
    sql`insert into quiet_hours (id, tenant_id, scope, scope_id, from_minute, to_minute, days, zone)
      values (${uuidv7()}, tenant_now(), ${scope}, ${scopeId}, ${from}, ${to}, ${days}, ${zone})`.execute(tx),
  );
const clear = (house: { tenantId: string }) =>
  inTenant(db.database.app, house.tenantId, (tx) => sql`delete from quiet_hours`.execute(tx));

/** Whether the ticket is quiet, and the moment at which the database thought so. */
async function ask(house: { tenantId: string }, ticketId: string): Promise<{ quiet: boolean; now: Date }> {
  return inTenant(db.database.app, house.tenantId, async (tx) => {
    const { rows } = await sql<{ quiet: boolean; now: Date }>`
      select ${ticketIsQuiet} as quiet, now() as now from ticket t join item i on i.id = t.item_id where t.id = ${ticketId}`.execute(
      tx,
    );
    return rows[0]!;
  });
}

/** The same rule by the standard library's time zones: which minute of which weekday it is there. */
function expected({ from, to, days = [1, 2, 3, 4, 5, 6, 7], zone = "UTC" }: Window, now: Date): boolean {
  const parts = new Intl.DateTimeFormat("en-GB", {
    timeZone: zone,
    weekday: "short",
    hour: "2-digit",
    minute: "2-digit",
    hourCycle: "h23",
  }).formatToParts(now);
  const part = (type: string) => parts.find((one) => one.type === type)!.value;
  const minute = Number(part("hour")) * 60 + Number(part("minute"));
  const day = ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"].indexOf(part("weekday")) + 1;
  if (from <= to) return minute >= from && minute < to && days.includes(day);
  return (minute >= from && days.includes(day)) || (minute < to && days.includes(day === 1 ? 7 : day - 1));
}

test("a window holds by the clock of its own zone, over midnight and by weekday", async () => {
  const house = await makeHouse(db.database);
  const ticket = await makeTicket(house);
  const zones = [
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kathmandu",
    "Pacific/Auckland",
    "Pacific/Honolulu",
    "Australia/Lord_Howe",
    "Etc/GMT+12",
    "Etc/GMT-14",
  ];
  const spans = [
    [0, 1440],
    [0, 720],
    [720, 1439],
    [1320, 360],
    [360, 1320],
    [1439, 1],
    [700, 700],
  ] as const;
  const weeks = [[1, 2, 3, 4, 5], [6, 7], [1, 2, 3, 4, 5, 6, 7], [7]];
  let held = 0;
  for (const zone of zones) {
    for (const [from, to] of spans) {
      for (const days of weeks) {
        const window = { scope: "everything", from, to, days, zone };
        await add(house, window);
        const { quiet, now } = await ask(house, ticket);
        assert.equal(quiet, expected(window, now), `${zone} ${from}-${to} on ${days.join()} at ${now.toISOString()}`);
        held += quiet ? 1 : 0;
        await clear(house);
      }
    }
  }
  assert.ok(held > 20 && held < zones.length * spans.length * weeks.length, `${held} held: both answers were seen`);
});

test("a window holds for its own scope only", async () => {
  const house = await makeHouse(db.database);
  const acme = await makeItem(house, { client: "acme" });
  const [theirs, other] = [await makeTicket({ ...house, itemId: acme }), await makeTicket(house)];
  for (const [scope, scopeId, quiets] of [
    ["client", "acme", [true, false]],
    ["item", acme, [true, false]],
    ["line", "service", [true, true]],
    ["line", "task", [false, false]],
    ["agent", acme, [false, false]],
  ] as const) {
    await add(house, { scope, scopeId, from: 0, to: 1440 });
    assert.deepEqual(
      [(await ask(house, theirs)).quiet, (await ask(house, other)).quiet],
      quiets,
      `${scope} ${scopeId}`,
    );
    await clear(house);
  }
});

test("an agent's quiet hours are its own", async () => {
  const house = await makeHouse(db.database);
  const agent = await makeAgent(house);
  await add(house, { scope: "agent", scopeId: agent, from: 0, to: 1440 });
  const { rows } = await inTenant(db.database.app, house.tenantId, (tx) =>
    sql<{ scope: string; scope_id: string }>`${quietScopes}`.execute(tx),
  );
  assert.deepEqual(rows, [{ scope: "agent", scope_id: agent }]);
});
