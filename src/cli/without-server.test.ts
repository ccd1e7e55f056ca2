import assert from "node:assert/strict";
import { mkdir, mkdtemp, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { makeHouse, makeItem } from "#dispatch/testing.ts";
import { seal } from "#ledger/seal.ts";
import { standingSwitches } from "#policy/switches.ts";
import { removeFolder } from "#system/testing.ts";
import { runSteward } from "./testing.ts";

/** A workspace whose server is dead: there is only its database. */
async function deadHouse(t: { after(fn: () => Promise<void>): void }) {
  const { database, adminUrl, drop } = await createTestDatabase();
  const folder = await mkdtemp(join(tmpdir(), "steward-dead-"));
  t.after(async () => {
    await drop();
    await removeFolder(folder);
  });
  const house = await makeHouse(database);
  await mkdir(join(folder, "ws", ".steward"), { recursive: true });
  await writeFile(join(folder, "ws", ".steward", "workspace.json"), JSON.stringify({ id: house.tenantId }));
  const env = { STEWARD_HOME: join(folder, "home"), DATABASE_URL: adminUrl };
  return {
    ...house,
    env,
    home: env.STEWARD_HOME,
    workspace: join(folder, "ws"),
    standing: () => inTenant(database.app, house.tenantId, standingSwitches),
    steward: (words: string[]) => runSteward([...words, "--workspace", join(folder, "ws")], { env }),
  };
}

test("stop and resume work while the server is dead", async (t) => {
  const house = await deadHouse(t);
  const itemId = await makeItem(house, { key: "quotes" });
  const stopped = await house.steward(["stop", "quotes", "--reason", "it costs too much", "--json"]);
  assert.equal(stopped.code, 0, stopped.stderr);
  assert.equal((JSON.parse(stopped.stdout) as { was: string }).was, "set");
  const [one] = await house.standing();
  assert.deepEqual(
    [one?.scope, one?.scopeId, one?.reason, one?.set_by],
    ["item", itemId, "it costs too much", "owner"],
  );
  assert.equal((await house.steward(["stop", "nobody"])).code, 3);
  assert.equal((await house.steward(["resume", "quotes"])).code, 0);
  assert.deepEqual(await house.standing(), []);
  assert.equal((await house.steward(["resume", "quotes"])).code, 3);
});

test("stop and down find the workspace of the house that is named, from any folder", async (t) => {
  const house = await deadHouse(t);
  await mkdir(house.home, { recursive: true });
  const server = {
    url: "http://127.0.0.1:1",
    version: "0",
    workspace: house.workspace,
    pid: 1,
    startTime: "0",
    bootId: "0",
  };
  await writeFile(join(house.home, "server.json"), JSON.stringify(server));
  const elsewhere = (words: string[]) => runSteward(words, { env: house.env, cwd: tmpdir() });
  assert.equal((await elsewhere(["stop"])).code, 0);
  assert.equal((await house.standing()).length, 1);
  const down = await elsewhere(["down"]);
  assert.equal(down.code, 0, down.stderr);
});

test("audit verify names the first bad row, also without a server", async (t) => {
  const house = await deadHouse(t);
  await house.steward(["stop"]);
  while ((await seal(house.database.engine)).sealed > 0);
  const whole = await house.steward(["audit", "verify"]);
  assert.equal(whole.code, 0, whole.stderr);
  assert.match(whole.stdout, /whole: 1 event,/);
  // An event that nobody sealed, as somebody with a way past the program would leave it.
  await inTenant(house.database.app, house.tenantId, (tx) =>
    sql`insert into event (id, tenant_id, at, type, subject, actor, body) values (gen_random_uuid(), tenant_now(), now(), 'switch.lifted', 'x', 'owner', '{}')`.execute(
      tx,
    ),
  );
  const bad = await house.steward(["audit", "verify", "--json"]);
  assert.equal(bad.code, 1);
  assert.match((JSON.parse(bad.stdout) as { problem: string }).problem, /switch\.lifted.*without a seal/);
});
