// What must be true of a house, whatever was killed.
import assert from "node:assert/strict";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { publishedHeads } from "#ledger/sealer.ts";
import { verifyLedger } from "#ledger/verify.ts";
import { until, type FaultHouse } from "./house.fixture.ts";

type Standing = { key: string; phase: string; health: string; reasons: string[]; tickets: string[]; round: number };

/** Until every service is in production, healthy, with nothing left to do for it, and serves its newest spec. */
export async function inProduction(
  house: FaultHouse,
  { withinMs = 90_000, revisions = {} }: { withinMs?: number; revisions?: Record<string, number> } = {},
): Promise<void> {
  await until(
    "every service in production and healthy",
    async () => ({ standings: await standings(house), serving: await serving(house, Object.keys(revisions)) }),
    {
      withinMs,
      holds: ({ standings: all, serving: now }) =>
        all.length === house.ports.size &&
        all.every(
          ({ phase, health, tickets }) => phase === "PRODUCTION" && health === "healthy" && tickets.length === 0,
        ) &&
        Object.entries(revisions).every(([service, revision]) => now[service] === revision),
    },
  );
}

async function standings({ read }: FaultHouse): Promise<Standing[]> {
  return read(async (tx) => {
    const { rows } = await sql<Standing>`
      select key, phase, health, reasons, round, array(select t.kind || ' ' || t.state || ' ' || coalesce(t.last_error, '')
        from ticket t where t.item_id = i.id and t.state in ('waiting', 'ready', 'claimed')) as tickets
      from item i where line = 'service' and gone_at is null order by key`.execute(tx);
    return rows;
  });
}

/** The revision that each of these answers with on its public port. */
async function serving({ ports }: FaultHouse, services: string[]): Promise<Record<string, number | string>> {
  const answers = services.map(async (service) => {
    try {
      const response = await fetch(`http://127.0.0.1:${ports.get(service)}/`);
      return [service, ((await response.json()) as { revision: number }).revision] as const;
    } catch (error) {
      return [service, String(error)] as const;
    }
  });
  return Object.fromEntries(await Promise.all(answers));
}

/** The events that the database has acknowledged by now. */
export async function acknowledged({ read }: FaultHouse): Promise<string[]> {
  return read(async (tx) => {
    const { rows } = await sql<{ id: string }>`select id from event order by id`.execute(tx);
    return rows.map(({ id }) => id);
  });
}

/** All that must hold of a house at rest. `seen`: events that were acknowledged before something was killed. */
export async function assertSound(house: FaultHouse, { seen = [] as string[] } = {}): Promise<void> {
  await noneLost(house, seen);
  await noRunTwice(house);
  await nothingOpen(house);
  await effectsOnce(house);
  await oneRelease(house);
  await nothingLeftOnDisk(house);
  await healthyOnItsPort(house);
  await chainVerifies(house);
}

async function noneLost(house: FaultHouse, seen: string[]): Promise<void> {
  const now = new Set(await acknowledged(house));
  assert.deepEqual(
    seen.filter((id) => !now.has(id)),
    [],
    "acknowledged events are lost",
  );
}

/** An agent starts at most once per claim, and never while another is at work on the same service. */
async function noRunTwice(house: FaultHouse): Promise<void> {
  const starts = await house.starts();
  const runs = starts.map(({ run }) => run);
  assert.deepEqual(
    runs.filter((run, index) => runs.indexOf(run) !== index),
    [],
    "an agent was started twice for one claim",
  );
  assert.deepEqual(
    starts.flatMap(({ service, others }) => others.map((other) => `${service}: ${other}`)),
    [],
    "two agents were at work on one service",
  );
  const { rows } = await house.read((tx) =>
    // Both times are of this machine's clock, the start a moment before its claim commits: 100 ms are allowed for that.
    sql<{ ticket: string; fence: number; overlap: string }>`
      select ticket_id as ticket, fence, (ended_before - started_at)::text as overlap from (
        select ticket_id, fence, started_at, lag(ended_at) over (partition by ticket_id order by fence) as ended_before from run) r
      where ended_before > started_at + interval '100 milliseconds'`.execute(tx),
  );
  assert.deepEqual(rows, [], "runs of one ticket overlap");
  const { rows: twice } = await house.read((tx) =>
    sql`select subject, count(*) from event where type = 'ticket.done' group by subject having count(*) > 1`.execute(
      tx,
    ),
  );
  assert.deepEqual(twice, [], "a ticket was done twice");
}

async function nothingOpen({ read }: FaultHouse): Promise<void> {
  const { rows } = await read((tx) =>
    sql<{ what: string }>`
      select 'run ' || id || ' ' || state as what from run where state <> 'ended'
      union all select 'ticket ' || title || ' ' || state from ticket where state in ('waiting', 'ready', 'claimed')
      union all select 'deployment ' || version || ' ' || state from deployment where state = 'deploying'
      union all select 'effect ' || key || ' ' || state from effect where state = 'doing'
      union all select 'incident ' || reason from incident where closed_at is null
      union all select 'reservation of ' || holder from reservation`.execute(tx),
  );
  assert.deepEqual(
    rows.map(({ what }) => what),
    [],
    "something is still open",
  );
}

async function effectsOnce({ read }: FaultHouse): Promise<void> {
  const { rows } = await read((tx) =>
    sql<{ key: string; n: number }>`
      select body->>'key' as key, count(*)::int as n from event where type = 'effect.done' group by 1 having count(*) > 1`.execute(
      tx,
    ),
  );
  assert.deepEqual(rows, [], "an effect happened twice");
}

async function oneRelease({ read, home, ports }: FaultHouse): Promise<void> {
  const { rows } = await read((tx) =>
    sql<{ key: string; live: number }>`
      select i.key, count(d.id)::int as live from item i left join deployment d on d.item_id = i.id and d.state = 'live'
      where i.line = 'service' group by i.key having count(d.id) <> 1`.execute(tx),
  );
  assert.deepEqual(rows, [], "not exactly one live deployment");
  for (const service of ports.keys()) {
    const running = (await readdir(join(home, "production", service, "running"))).filter((name) =>
      name.endsWith(".json"),
    );
    assert.equal(running.length, 1, `${service} has ${running.length} releases at work`);
    const place = await readdir(join(home, "production", service));
    assert.ok(!place.includes("change.json"), `${service} has an unfinished change`);
  }
}

/** What dead processes were in the middle of does not stay. */
async function nothingLeftOnDisk(house: FaultHouse): Promise<void> {
  // What the process of an ended run could not take away is swept every ten seconds.
  for (const end = Date.now() + 30_000; Date.now() < end; await new Promise((resolve) => setTimeout(resolve, 500))) {
    if ((await leftOnDisk(house)).length === 0) return;
  }
  assert.deepEqual(await leftOnDisk(house), [], "copies of dead proofs, or work folders of ended runs, are left");
}

async function leftOnDisk({ home }: FaultHouse): Promise<string[]> {
  const proofs = await readdir(join(home, "scratch")).catch(() => []);
  const runs = await readdir(join(home, "runs")).catch(() => []);
  const copies = await Promise.all(
    runs.map(async (run) => ((await readdir(join(home, "runs", run))).includes("work") ? [run] : [])),
  );
  return [...proofs, ...copies.flat()];
}

async function healthyOnItsPort({ ports }: FaultHouse): Promise<void> {
  for (const [service, port] of ports) {
    const { status } = await fetch(`http://127.0.0.1:${port}/health`);
    assert.equal(status, 200, `${service} is not healthy on its public port`);
  }
}

async function chainVerifies(house: FaultHouse): Promise<void> {
  const { id } = await house.read(
    async (tx) => (await sql<{ id: string }>`select tenant_now() as id`.execute(tx)).rows[0]!,
  );
  const heads = await publishedHeads(join(house.home, "ledger-heads.jsonl"), id);
  const verified = await house.read((tx) => verifyLedger(tx, heads));
  assert.ok(verified.ok, `the ledger does not verify: ${JSON.stringify(verified)}`);
}
