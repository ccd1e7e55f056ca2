import assert from "node:assert/strict";
import { chmod, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import pg from "pg";
import { silentLog } from "#system/log.ts";
import { removeFolder } from "#system/testing.ts";
import { startEmbedded } from "./embedded/start-embedded.ts";
import { openDatabase } from "./open.ts";
import { createTestDatabase, testStateRoot } from "./testing.ts";

test("a notice is heard, and after a lost connection the listener is told to look and hears again", async (t) => {
  const { database, adminUrl } = await createTestDatabase(t);
  const heard: string[] = [];
  let next = Promise.withResolvers<void>();
  const reconnected = Promise.withResolvers<void>();
  await database.listen(["work", "Odd name"], {
    onNotify: (channel, payload) => {
      heard.push(`${channel}: ${payload}`);
      next.resolve();
    },
    onReconnect: () => reconnected.resolve(),
  });
  await sql`select pg_notify('work', 'one')`.execute(database.app);
  await next.promise;
  await run(
    adminUrl,
    "select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'steward-listen' and datname = current_database()",
  );
  await reconnected.promise;
  next = Promise.withResolvers<void>();
  await sql`select pg_notify('Odd name', 'two')`.execute(database.app);
  await next.promise;
  assert.deepEqual(heard, ["work: one", "Odd name: two"]);
});

test("the pools and listeners live through a kill of the server, and closing twice is fine", async (t) => {
  const home = await mkdtemp(join(tmpdir(), "steward-home-"));
  await chmod(home, 0o755);
  const embedded = await startEmbedded({ home, stateRoot: testStateRoot, log: silentLog });
  t.after(async () => {
    await embedded.stop();
    await removeFolder(home);
  });
  const database = await openDatabase({ adminUrl: embedded.adminUrl, log: silentLog });
  const reconnected = Promise.withResolvers<void>();
  await database.listen(["work"], { onNotify: () => {}, onReconnect: () => reconnected.resolve() });
  await Promise.all([1, 2, 3].map(() => sql`select pg_sleep(0.01)`.execute(database.app)));

  process.kill(embedded.pid, "SIGKILL");
  await reconnected.promise;
  await database.wait();
  const { rows } = await sql`select 1 as one`.execute(database.app);
  assert.deepEqual(rows, [{ one: 1 }]);
  await Promise.all([database.close(), database.close()]);
  await database.close();
});

test("a database that is not there is a clear failure", async () => {
  await assert.rejects(
    openDatabase({ adminUrl: "postgresql://nobody:x@127.0.0.1:1/none", log: silentLog }),
    /127\.0\.0\.1:1\/none cannot be reached as nobody.*DATABASE_URL/s,
  );
});

async function run(url: string, text: string): Promise<void> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  await client.query(text);
  await client.end();
}
