import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sql } from "kysely";
import { findPostmaster } from "#db/embedded/postmaster.ts";
import { bootId, isAlive, startTimeOf } from "#system/processes.ts";
import { openGate } from "./gate.fixture.ts";
import { makeFaultHouse, notesSpec, smallSpec, until, type FaultHouse, type Start } from "./house.fixture.ts";
import { acknowledged, assertSound, inProduction } from "./sound.fixture.ts";
import { victims } from "./victims.fixture.ts";

/** From the death of who works on a ticket until somebody works on it again. */
const TAKEN_UP_MS = 6_000;

const LINGERING = "Takes 1500 ms. Leaves a child.";

describe("something else than a step boundary kills", { concurrency: 3 }, () => {
  test("a killed runner's ticket is worked on again within 6 s, and nothing of its agent is left", async (t) => {
    const house = await makeFaultHouse(t);
    await house.up().ready;
    await house.specify("small", smallSpec(1, LINGERING));
    const [first] = await startsOf(house, 1);
    await killRunnerOf(house, first!);
    const killedAt = Date.now();
    const [, second] = await startsOf(house, 2);
    assert.ok(second!.at - killedAt < TAKEN_UP_MS, `it took ${second!.at - killedAt} ms`);
    assert.ok(second!.at > killedAt);
    assertGone(first!);
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
    assert.equal((await house.starts()).length, 2, await story(house));
  });

  test("runners that are killed in the moment in which they start their agents leave no agent behind", async (t) => {
    const house = await makeFaultHouse(t);
    await house.up().ready;
    await house.specify("small", smallSpec(1, "Takes 1000 ms."));
    // Three losses cost a ticket no wait.
    for (let kills = 0; kills < 3; kills++) {
      const [pid] = await until("a runner", () => victims.runner(house), {
        holds: (found) => found.length > 0,
        everyMs: 1,
      });
      process.kill(pid!, "SIGKILL");
    }
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
  });

  test("a killed agent's ticket is worked on again within 6 s, and costs it no attempt", async (t) => {
    const house = await makeFaultHouse(t);
    await house.up().ready;
    await house.specify("small", smallSpec(1, LINGERING));
    const [first] = await startsOf(house, 1);
    process.kill(first!.pid, "SIGKILL");
    const killedAt = Date.now();
    const [, second] = await startsOf(house, 2);
    assert.ok(second!.at - killedAt < TAKEN_UP_MS, `it took ${second!.at - killedAt} ms`);
    assertGone(first!);
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
    const { rows } = await house.read((tx) =>
      sql<{ attempt: number; losses: number }>`select attempt, losses from ticket where kind = 'build'`.execute(tx),
    );
    assert.deepEqual(rows, [{ attempt: 1, losses: 1 }]);
  });

  test("an agent outlives Steward: the next one adopts its runner, starts no other, and its result counts", async (t) => {
    const house = await makeFaultHouse(t);
    const steward = house.up();
    await steward.ready;
    await house.specify("small", smallSpec(1, "Takes 1500 ms."));
    await startsOf(house, 1);
    const seen = await acknowledged(house);
    await steward.kill();
    await house.up().ready;
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house, { seen });
    assert.equal((await house.starts()).length, 1, await story(house));
    assert.equal(await countEvents(house, "run.adopted"), 1);
  });

  test("an agent that ends while no Steward is there is not asked again: its result is taken over", async (t) => {
    const house = await makeFaultHouse(t);
    const steward = house.up();
    await steward.ready;
    await house.specify("small", smallSpec(1, "Takes 300 ms."));
    const [start] = await startsOf(house, 1);
    await steward.kill();
    await until("its result", () => readdir(join(house.home, "runs", start!.run)), {
      holds: (names) =>
        names.some((name) => name.startsWith("result.")) && !names.some((name) => name.endsWith(".reserved")),
    });
    await house.up().ready;
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
    assert.equal((await house.starts()).length, 1, await story(house));
  });

  test("where Steward and a runner die, the next Steward ends the agent and begins anew within 6 s", async (t) => {
    const house = await makeFaultHouse(t);
    const steward = house.up();
    await steward.ready;
    await house.specify("small", smallSpec(1, LINGERING));
    const [first] = await startsOf(house, 1);
    await Promise.all([steward.kill(), killRunnerOf(house, first!)]);
    const startedAt = Date.now();
    await house.up().ready;
    const [, second] = await startsOf(house, 2);
    assert.ok(second!.at - startedAt < TAKEN_UP_MS, `it took ${second!.at - startedAt} ms`);
    assertGone(first!);
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
  });

  for (const place of ["this host", "another host"]) {
    test(`a killed worker of ${place} leaves built-in work: the server takes it up within 6 s`, async (t) => {
      const house = await makeFaultHouse(t, { builders: "scaffold", deploys: false });
      await house.up().ready;
      // A host is known by its home.
      const worker = house.worker(place === "this host" ? {} : { home: join(house.scratch, "other-home") });
      await worker.ready;
      for (const name of ["one", "two", "three"]) await house.specify(name, notesSpec);
      await until("work of the worker", () => workOf(house, worker.pid), {
        holds: (held) => held.length > 0,
        everyMs: 5,
      });
      await worker.kill();
      const killedAt = Date.now();
      const left = await workOf(house, worker.pid);
      assert.ok(left.length > 0, "it held nothing when it died");
      const again = await until("its work taken up", () => claimsAfter(house, left), {
        holds: (rows) => rows.length === left.length,
      });
      for (const { at } of again) {
        assert.ok(at.getTime() - killedAt < TAKEN_UP_MS, `it took ${at.getTime() - killedAt} ms`);
      }
      await until("it is done", () => doneOf(house, left), { holds: (done) => done === left.length });
    });
  }

  test("the embedded database is killed under load: Steward lives on, and nothing acknowledged is lost", async (t) => {
    const house = await makeFaultHouse(t, { embedded: true });
    const steward = house.up();
    await steward.ready;
    const seen = new Set<string>();
    for (const name of ["one", "two", "three"]) await house.specify(name, smallSpec(1, "Takes 400 ms."));
    for (const moment of [1, 2, 3]) {
      await startsOf(house, moment);
      for (const id of await acknowledged(house)) seen.add(id);
      await killDatabase(house);
      for (const id of await until("the database is back", () => acknowledged(house), { holds: () => true }))
        seen.add(id);
    }
    await inProduction(house, { revisions: { one: 1, two: 1, three: 1 }, withinMs: 90_000 });
    assert.ok(isAlive({ pid: steward.pid, startTime: startTimeOf(steward.pid), bootId: bootId() }));
    await assertSound(house, { seen: [...seen] });
  });

  test("the database is away for 10 s while an agent works: its runner waits, and its result counts", async (t) => {
    const gate = await openGate();
    const house = await makeFaultHouse(t, { through: gate });
    await house.up().ready;
    await house.specify("small", smallSpec(1, "Takes 3000 ms."));
    await startsOf(house, 1);
    await gate.shutFor(10_000);
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
    assert.equal((await house.starts()).length, 1, await story(house));
  });
});

async function startsOf(house: FaultHouse, count: number): Promise<Start[]> {
  return until(`start ${count} of an agent`, () => house.starts(), {
    holds: (starts) => starts.length >= count,
    everyMs: 10,
  });
}

async function killRunnerOf(house: FaultHouse, { run }: Start): Promise<void> {
  const folder = join(house.home, "runs", run);
  const record = (await readdir(folder)).find((name) => /^run\.\d+$/.test(name))!;
  const { pid } = JSON.parse(await readFile(join(folder, record), "utf8")) as { pid: number };
  process.kill(pid, "SIGKILL");
}

async function killDatabase({ home }: FaultHouse): Promise<void> {
  const data = await until("the postmaster", () => findPostmaster(join(home, "database", "cluster", "data")), {
    holds: (found) => found?.ready === true,
  });
  process.kill(data!.pid, "SIGKILL");
}

function assertGone({ pid, child }: Start): void {
  for (const one of [pid, child]) {
    assert.ok(
      one !== null && !isAlive({ pid: one, startTime: startTimeOf(one), bootId: bootId() }),
      `process ${one} of the dead run lives`,
    );
  }
}

/** Tickets with built-in work that the process with this number holds. */
async function workOf(house: FaultHouse, pid: number): Promise<{ id: string; fence: number }[]> {
  return house.read(async (tx) => {
    const { rows } = await sql<{ id: string; fence: number }>`
      select t.id, t.fence from ticket t join process p on p.id = t.process_id
      where p.pid = ${pid} and t.state = 'claimed' and t.lease_kind = 'process'`.execute(tx);
    return rows;
  });
}

async function claimsAfter(house: FaultHouse, tickets: { id: string; fence: number }[]): Promise<{ at: Date }[]> {
  return house.read(async (tx) => {
    const { rows } = await sql<{ at: Date }>`
      select min(r.started_at) as at from run r join jsonb_to_recordset(${JSON.stringify(tickets)}::jsonb) as t(id uuid, fence int) on t.id = r.ticket_id
      where r.fence > t.fence group by t.id`.execute(tx);
    return rows;
  });
}

async function doneOf(house: FaultHouse, tickets: { id: string }[]): Promise<number> {
  const ids = tickets.map(({ id }) => id);
  return house.read(
    async (tx) =>
      (
        await sql<{
          n: number;
        }>`select count(*)::int as n from ticket where id = any(${ids}) and state = 'done'`.execute(tx)
      ).rows[0]!.n,
  );
}

/** What was asked for and what became of it, for the message of a failure. */
async function story(house: FaultHouse): Promise<string> {
  return house.read(async (tx) => {
    const { rows } = await sql<{ told: string }>`
      select concat_ws(' ', r.started_at, r.kind, 'by', a.name, r.outcome, r.detail) as told
      from run r join agent a on a.id = r.agent_id order by r.started_at`.execute(tx);
    return rows.map(({ told }) => told).join("\n");
  });
}

async function countEvents(house: FaultHouse, type: string): Promise<number> {
  return house.read(
    async (tx) =>
      (await sql<{ n: number }>`select count(*)::int as n from event where type = ${type}`.execute(tx)).rows[0]!.n,
  );
}
