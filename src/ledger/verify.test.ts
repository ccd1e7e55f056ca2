import assert from "node:assert/strict";
import { mkdtemp, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, test } from "node:test";
import pg from "pg";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { makeHouse } from "#dispatch/testing.ts";
import { append } from "#ledger/append.ts";
import { readLedger } from "#ledger/follow.ts";
import { seal } from "#ledger/seal.ts";
import { publishedHeads, startSealer } from "#ledger/sealer.ts";
import { verifyLedger } from "#ledger/verify.ts";
import { silentLog } from "#system/log.ts";
import { removeFolder } from "#system/testing.ts";

let db: TestDatabase;
let admin: pg.Client;
before(async () => {
  db = await createTestDatabase();
  admin = new pg.Client({ connectionString: db.adminUrl });
  admin.on("error", () => {});
  await admin.connect();
});
after(async () => {
  await admin.end();
  await db.drop();
});

/** A tenant with this many sealed events. */
async function ledgerOf(events: number) {
  const house = await makeHouse(db.database);
  const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(db.database.app, house.tenantId, work);
  const add = (many: number) =>
    within(async (tx) => {
      for (let i = 0; i < many; i++)
        await append(
          tx,
          { actor: "test", at: new Date(), rule: "none", policy: "p1" },
          { type: "agent.changed", subject: house.agentId, name: "ä–🙂", change: `${i} \u2028 "quoted"` },
        );
    });
  const sealAll = async () => {
    while ((await seal(db.database.engine)).sealed > 0);
  };
  await add(events);
  await sealAll();
  return {
    ...house,
    within,
    add,
    sealAll,
    verify: (heads = [] as Parameters<typeof verifyLedger>[1]) => within((tx) => verifyLedger(tx, heads)),
  };
}

test("a sound chain verifies, with what is still pending counted apart", async () => {
  const ledger = await ledgerOf(20);
  await ledger.add(3);
  assert.deepEqual({ ...(await ledger.verify()), head: null }, { ok: true, events: 20, pending: 3, head: null });
});

const harms: { what: string; sql: string; says: RegExp }[] = [
  {
    what: "an event's words were changed",
    sql: 'update event set body = body || \'{"change": "nothing"}\' where id = $2',
    says: /was changed/,
  },
  {
    what: "an event's time was changed",
    sql: "update event set at = at + interval '1 microsecond' where id = $2",
    says: /was changed/,
  },
  {
    what: "who did it was changed",
    sql: "update event set actor = 'somebody else' where id = $2",
    says: /was changed/,
  },
  { what: "the rule was changed", sql: "update event set rule = 'another' where id = $2", says: /was changed/ },
  { what: "an event was deleted", sql: "delete from event where id = $2", says: /was deleted/ },
  { what: "a seal was deleted", sql: "delete from seal where event_id = $2", says: /seal 7 is missing/ },
  {
    what: "a seal's hash was changed",
    sql: "update seal set hash = repeat('0', 64) where event_id = $2",
    says: /was changed/,
  },
];
for (const { what, sql, says } of harms) {
  test(`verify names the first bad row when ${what}`, async () => {
    const ledger = await ledgerOf(12);
    const { rows } = await admin.query<{ event_id: string }>(
      "select event_id from seal where tenant_id = $1 and seq = 7",
      [ledger.tenantId],
    );
    await admin.query(sql.replace("$2", "$1"), [rows[0]!.event_id]);
    const found = await ledger.verify();
    assert.ok(!found.ok && found.seq === 7 && says.test(found.problem), JSON.stringify(found));
  });
}

test("an event slipped in beside the chain is found", async () => {
  const ledger = await ledgerOf(4);
  await admin.query(
    "insert into event (id, tenant_id, at, type, subject, actor, body) values (gen_random_uuid(), $1, now(), 'agent.changed', 'x', 'me', '{}')",
    [ledger.tenantId],
  );
  const found = await ledger.verify();
  assert.ok(!found.ok && /without a seal/.test(found.problem));
});

test("a tail that was cut off, and a chain rewritten whole, show against the head published outside", async () => {
  const ledger = await ledgerOf(9);
  const sound = await ledger.verify();
  assert.ok(sound.ok);
  const published = [{ tenantId: ledger.tenantId, seq: sound.head.seq, hash: sound.head.hash }];
  assert.equal((await ledger.verify(published)).ok, true);

  await admin.query(
    "with gone as (delete from seal where tenant_id = $1 and seq > 6 returning event_id) delete from event where id in (select event_id from gone)",
    [ledger.tenantId],
  );
  assert.equal((await ledger.verify()).ok, true, "the chain alone cannot tell");
  const cut = await ledger.verify(published);
  assert.ok(!cut.ok && /tail was cut off/.test(cut.problem));

  await admin.query(
    "with gone as (delete from seal where tenant_id = $1 returning event_id) insert into pending select event_id, $1, array[event_id] from gone",
    [ledger.tenantId],
  );
  await admin.query("update event set actor = 'me' where tenant_id = $1", [ledger.tenantId]);
  await ledger.add(3);
  await ledger.sealAll();
  const rewritten = await ledger.verify(published);
  assert.ok(!rewritten.ok && /was rewritten/.test(rewritten.problem), JSON.stringify(rewritten));
});

test("eight that append and two that seal at once leave no gap, and a follower sees each event once, in order", async (t) => {
  const ledger = await ledgerOf(0);
  const folder = await mkdtemp(join(tmpdir(), "steward-heads-"));
  t.after(() => removeFolder(folder));
  const headsFile = join(folder, "heads.jsonl");
  const sealers = [
    startSealer(db.database.engine, { headsFile, log: silentLog }),
    startSealer(db.database.engine, { headsFile, log: silentLog }),
  ];
  const before = (await ledger.within((tx) => readLedger(tx, {}))).length;
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let i = 0; i < 10; i++) await ledger.add(3);
    }),
  );
  const seen: number[] = [];
  const deadline = Date.now() + 20_000;
  while (seen.length < before + 240 && Date.now() < deadline) {
    seen.push(
      ...(await ledger.within((tx) => readLedger(tx, { after: seen.at(-1) ?? 0, limit: 50 }))).map(({ seq }) => seq),
    );
  }
  await Promise.all(sealers.map((sealer) => sealer.stop()));
  assert.deepEqual(
    seen,
    Array.from({ length: seen.length }, (_, index) => index + 1),
  );
  assert.equal((await ledger.verify(await publishedHeads(headsFile, ledger.tenantId))).ok, true);
  assert.match(await readFile(headsFile, "utf8"), /"seq":/);
});
