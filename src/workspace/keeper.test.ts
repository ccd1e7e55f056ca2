import assert from "node:assert/strict";
import { existsSync, readFileSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { after, before, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { createTestDatabase, type TestDatabase } from "#db/testing.ts";
import { report } from "#dispatch/report.ts";
import { claim } from "#dispatch/claim.ts";
import { candidate, firstAgent, makeHouse } from "#dispatch/testing.ts";
import { systemClock } from "#system/clock.ts";
import { silentLog } from "#system/log.ts";
import { keepWorkspace, type Keeper, type KeeperRules } from "./keeper.ts";
import { completeSpec, folderWith, service, writeFiles, type Files } from "./tree.fixture.ts";

let db: TestDatabase;
before(async () => {
  db = await createTestDatabase();
});
after(() => db.drop());

/** A workspace with its keeper; what is swept is swept when the test says so, unless the test says otherwise. */
async function kept(t: TestContext, files: Files, rules: Partial<KeeperRules> = {}) {
  const house = await makeHouse(db.database);
  const workspace = folderWith(t, files);
  const keepers: Keeper[] = [];
  t.after(() => Promise.all(keepers.map((keeper) => keeper.stop())));
  function within<T>(query: { execute(tx: never): Promise<{ rows: T[] }> }): Promise<T[]> {
    return inTenant(db.database.app, house.tenantId, async (tx) => (await query.execute(tx as never)).rows);
  }
  return {
    ...house,
    workspace,
    within,
    /** A keeper of a process that has just started. */
    keeper(more: Partial<KeeperRules> = {}): Keeper {
      const tools = { ...house, home: join(workspace, ".home"), clock: systemClock, log: silentLog };
      const keeper = keepWorkspace(tools, {
        workspace,
        statusOf: async () => ({ health: "unknown", port: null, release: null, happened: [] }),
        rules: () => ({
          coverageFloor: 70,
          drafting: false,
          settleMs: 40,
          sweepMs: 60_000,
          policyVersion: "1",
          hasDeployTarget: () => false,
          ...rules,
          ...more,
        }),
      });
      keepers.push(keeper);
      return keeper;
    },
    /** How often each service was looked at. */
    async looks(): Promise<Record<string, number>> {
      const rows = await within(
        sql<{
          key: string;
          version: number;
        }>`select key, version from item where key not like 'service-%' order by key`,
      );
      return Object.fromEntries(rows.map(({ key, version }) => [key, version]));
    },
    async tickets(of: string): Promise<string[]> {
      const rows = await within(
        sql<{
          state: string;
        }>`select t.state from ticket t join item i on i.id = t.item_id where i.key = ${of} order by t.id`,
      );
      return rows.map(({ state }) => state);
    },
    async take() {
      const [claimed] = await claim(db.database.app, {
        tenantId: house.tenantId,
        capability: "builder",
        candidates: [candidate(house.agentId, { free: 1 })],
        hostId: house.hostId,
        processId: house.processId,
        now: new Date(),
        rank: firstAgent,
      });
      return claimed!;
    },
    end: (run: { id: string; runId: string; fence: number }, how: { outcome: "done" } | { outcome: "stopped"; reason: string }) =>
      inTenant(db.database.app, house.tenantId, (tx) =>
        report(tx, new Date(), [{ ticketId: run.id, runId: run.runId, fence: run.fence, agent: "tester", ...how }]),
      ), // prettier-ignore
  };
}

async function until(what: string, check: () => Promise<boolean>): Promise<void> {
  const end = performance.now() + 10_000;
  while (!(await check())) {
    if (performance.now() > end) assert.fail(`this did not come: ${what}`);
    await pause(20);
  }
}

/** Still for longer than any settle window. */
function age(...paths: string[]): void {
  for (const path of paths) utimesSync(path, new Date(Date.now() - 60_000), new Date(Date.now() - 60_000));
}

const two = { ...service("a", { "SPEC.md": completeSpec }), ...service("b", { "SPEC.md": completeSpec }) };

test("a start does not wait for its sweep, and a restart looks only at what changed meanwhile", async (t) => {
  const h = await kept(t, { ...two, ...service("built", { "SPEC.md": completeSpec, "README.md": "# Built\n", "package.json": "{}", "src/main.js": "x\n" }) }); // prettier-ignore
  const first = h.keeper();
  await first.start();
  assert.deepEqual(await h.looks(), {}, "the sweep goes on behind the start");
  const noted = async () => (await h.within(sql<{ n: number }>`select count(stamp)::int as n from item`))[0]!.n === 3;
  await until("all are looked at", noted);
  await pause(300); // What the keeper itself wrote is seen by its own watch: at most one look more.
  const before = await h.looks();
  for (const name of ["a", "b", "built"]) assert.ok(before[name]! >= 1 && before[name]! <= 2, JSON.stringify(before));
  assert.match(readFileSync(join(h.workspace, "SERVICES/built/README.md"), "utf8"), /steward:status/);
  await first.stop();

  writeFiles(h.workspace, service("b", { "SPEC.md": `${completeSpec}\nMore.\n` }));
  age(join(h.workspace, "SERVICES/b/SPEC.md"));
  await pause(60);
  await h.keeper().start();
  await until("what changed is looked at", async () => (await h.looks())["b"]! > before["b"]!);
  await pause(100);
  const { b: _, ...others } = before;
  const { b: __, ...now } = await h.looks();
  assert.deepEqual(now, others, "what had not changed was not looked at again");
});

test("other rules than at the last look are a reason to look at everything after a restart", async (t) => {
  const h = await kept(t, two);
  await pause(60);
  const first = h.keeper();
  await first.look();
  await first.stop();
  await h.keeper({ policyVersion: "2" }).start();
  await until("all are looked at again", async () => Object.values(await h.looks()).every((looks) => looks === 2));
});

test("a report of a process that died right after it is seen soon, and without it by the next sweep", async (t) => {
  const h = await kept(t, two);
  await pause(60);
  const keeper = h.keeper({ sweepMs: 60_000 });
  await keeper.start();
  await until("both have work", async () => (await h.tickets("a")).length + (await h.tickets("b")).length === 2);
  const run = await h.take();
  const before = await h.looks();
  await h.end(run, { outcome: "done" });
  await until("it was looked at", async () => (await h.looks())[run.item_key]! > before[run.item_key]!);
  await keeper.stop();

  const other = await h.take();
  await h.end(other, { outcome: "done" });
  const later = h.keeper();
  const seen = (await h.looks())[other.item_key]!;
  await later.start();
  await until("the sweep looked", async () => (await h.looks())[other.item_key]! > seen);
});

test("work of a folder that is gone ends for good, also what was put back, until the folder comes back", async (t) => {
  const h = await kept(t, two);
  await pause(60);
  const keeper = h.keeper();
  await keeper.look();
  const run = await h.take();
  rmSync(join(h.workspace, "SERVICES", run.item_key), { recursive: true });
  await keeper.look();
  const [stop] = await h.within(sql<{ stop_reason: string }>`select stop_reason from ticket where id = ${run.id}`);
  assert.equal(stop?.stop_reason, "its folder is gone");
  await h.end(run, { outcome: "stopped", reason: "its folder is gone" });
  assert.deepEqual(await h.tickets(run.item_key), ["cancelled"]);

  // By whatever way a ticket of it became ready again.
  await h.within(sql`update ticket set state = 'ready', ended_at = null where id = ${run.id}`);
  await keeper.look();
  assert.deepEqual(await h.tickets(run.item_key), ["cancelled"]);
  assert.equal(existsSync(join(h.workspace, "SERVICES", run.item_key)), false);

  writeFiles(h.workspace, service(run.item_key, { "SPEC.md": completeSpec }));
  await pause(60);
  await keeper.look(run.item_key);
  assert.deepEqual(await h.tickets(run.item_key), ["cancelled", "ready"]);
});

test("Steward's own word in the registry is no reason to look at the others; an owner's is", async (t) => {
  const h = await kept(t, two);
  await pause(60);
  const keeper = h.keeper();
  await keeper.start();
  await until("both are looked at", async () => Object.keys(await h.looks()).length === 2);
  await pause(300);
  // From here on only a sweep would look at b: none of its files changes.
  await h.within(sql`update item set stamp = null where key = 'b'`);
  const before = await h.looks();
  const registry = join(h.workspace, "SERVICES/SERVICE_REGISTRY.json");
  const written = readFileSync(registry, "utf8");
  writeFiles(h.workspace, service("a", { "app.js": "x\n" }));
  await until("a is looked at", async () => (await h.looks())["a"]! > before["a"]!);
  await until("the registry says so", async () => readFileSync(registry, "utf8") !== written);
  await pause(300);
  assert.equal((await h.looks())["b"], before["b"], "b was not looked at");

  const byHand = JSON.parse(readFileSync(registry, "utf8")) as Record<string, object>;
  writeFileSync(registry, JSON.stringify({ ...byHand, b: { ...byHand["b"], owner: "somebody" } }));
  await until("b is looked at", async () => (await h.looks())["b"]! > before["b"]!);
});

test("a look counts from before it read anything: what a run did meanwhile shows at the next one", async (t) => {
  const read: number[] = [];
  const h = await kept(t, two, {
    get drafting() {
      read.push(Date.now()); // The rules are asked for where the workspace is opened.
      while (Date.now() < read.at(-1)! + 5);
      return false;
    },
  });
  await pause(60);
  await h.keeper().look("a");
  const [item] = await h.within(sql<{ looked_at: Date }>`select looked_at from item where key = 'a'`);
  assert.ok(item!.looked_at.getTime() <= read[0]!, `${item!.looked_at.getTime()} is after ${read[0]}`);
});

test("a look that fails is tried again soon", async (t) => {
  const h = await kept(t, two);
  await pause(60);
  const keeper = h.keeper();
  await keeper.look();
  let failing = true;
  const shaky = h.keeper({
    hasDeployTarget: () => {
      if (failing) throw new Error("for a moment it cannot be said");
      return false;
    },
  });
  await shaky.look("a");
  assert.equal((await h.looks())["a"], 1);
  failing = false;
  await until("it was looked at after all", async () => (await h.looks())["a"] === 2);
});
