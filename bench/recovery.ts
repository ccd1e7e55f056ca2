import type { ChildProcess } from "node:child_process";
import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { sql } from "kysely";
import { readRun } from "#agents/runner/read-run.ts";
import { readSettings } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { type House, openHouse } from "#house/open-house.ts";
import { silentLog } from "#system/log.ts";
import type { Bench, BenchTools, Figure } from "./bench.ts";
import { spread } from "./samples.ts";
import { ended, environmentOf, type Place, startSteward, stewardDown, withDescendants } from "./steward-process.ts";
import { completeSpec, writeFiles, writeSlowService } from "./workspace.ts";

const SAMPLES = 5;
const GOAL_S = 6;

/**
 * `steward up` and two `steward worker`s on one database. Whoever holds a ticket is killed with -9, and what is measured
 * is the time until the ticket is at work in another process.
 */
export const recovery: Bench = {
  name: "recovery",
  about: "a killed worker's ticket, and a killed runner's, at work again",
  async run(tools) {
    const { place, house, crew } = await startTheHouse(tools);
    const workers: number[] = [];
    const runners: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      workers.push(await killWorker(`slow-${sample}`, place, house, crew));
      runners.push(await killRunner(`sleepy-${sample}`, place, house));
      tools.say(`worker ${workers.at(-1)!.toFixed(2)} s, runner ${runners.at(-1)!.toFixed(2)} s`);
    }
    return [
      figure("worker", workers, "kill -9 of the Steward process whose prover runs a service's tests (built-in work, lease 5 s) → the ticket claimed by another process; 3 processes on one machine and database"), // prettier-ignore
      figure("runner", runners, "kill -9 of the runner of a command agent → the old agent ended and the same ticket's next agent started"), // prettier-ignore
    ];
  },
};

function figure(what: string, seconds: number[], how: string): Figure {
  const spreads = spread(seconds);
  return {
    id: `recovery: ${what}`,
    name: `killed ${what}'s ticket at work again, host alive`,
    unit: "s",
    ...spreads,
    how,
    goal: { text: `≤ ${GOAL_S} s`, met: spreads.max <= GOAL_S },
  };
}

type Crew = { kind: "up" | "worker"; child: ChildProcess }[];

async function startTheHouse({ folder, stateRoot, defer }: BenchTools) {
  const workspace = join(folder, "workspace");
  await mkdir(join(workspace, "SERVICES"), { recursive: true });
  const rules = {
    settle_seconds: 0.1,
    built_in_builder: false,
    proofs_at_once: 2 * SAMPLES,
    agents: { sleeper: { command: ["sleep", "300"], capabilities: ["builder"], slots: 2 * SAMPLES } },
  };
  await writeFile(join(workspace, "steward.yaml"), JSON.stringify(rules));
  const place: Place = { workspace, home: join(folder, "home"), stateRoot };
  const crew: Crew = [];
  // Last, and after the house here is closed: `down` ends every process that is known to the database.
  defer(async () => {
    await stewardDown(place);
    await Promise.all(crew.map(({ child }) => ended(child)));
  });
  const house = await openHouse(readSettings(environmentOf(place), workspace), { kind: "command", log: silentLog });
  defer(() => house.close());
  for (const kind of ["up", "worker", "worker"] as const) crew.push({ kind, child: startSteward(place, [kind]) });
  await until("three processes", async () => (await livingProcesses(house)) === 3);
  return { place, house, crew };
}

async function killWorker(service: string, place: Place, house: House, crew: Crew): Promise<number> {
  await writeSlowService(join(place.workspace, "SERVICES", service), service);
  const held = await holder(house, service, "prove");
  const orphans = await withDescendants([held.process]);
  const killedAt = performance.now();
  process.kill(held.process, "SIGKILL");
  await until(`${service} at work again`, async () => (await found(house, service, "prove"))?.fence === held.fence + 1);
  const took = (performance.now() - killedAt) / 1000;
  // The tests that the dead one was running would only sleep on.
  for (const pid of orphans) if (pid !== held.process) endIfThere(pid);
  const place_ = crew.findIndex(({ child }) => child.pid === held.process);
  await ended(crew[place_]!.child);
  crew[place_]!.child = startSteward(place, [crew[place_]!.kind]);
  await until("three processes again", async () => (await livingProcesses(house)) === 3);
  return took;
}

async function killRunner(service: string, place: Place, house: House): Promise<number> {
  await writeFiles(join(place.workspace, "SERVICES", service), { "SPEC.md": completeSpec(service) });
  const held = await holder(house, service, "build");
  const killedAt = performance.now();
  process.kill(held.runner!, "SIGKILL");
  await until(`${service} at work again`, async () => {
    const now = await found(house, service, "build");
    return now?.fence === held.fence + 1 && (await agentRuns(now));
  });
  return (performance.now() - killedAt) / 1000;
}

type Held = { fence: number; process: number; runner: number | null; folder: string | null };

async function found(house: House, service: string, kind: string): Promise<Held | undefined> {
  const { rows } = await inTenant(house.database.app, house.tenantId, (tx) =>
    sql<Held>`
      select t.fence, p.pid as process, r.pid as runner, r.folder
      from ticket t join item i on i.id = t.item_id join run r on r.id = t.run_id join process p on p.id = r.process_id
      where i.key = ${service} and t.kind = ${kind} and t.state = 'claimed' and r.state in ('starting', 'running')`.execute(
      tx,
    ),
  );
  return rows[0];
}

/** Waits until somebody has the ticket and is at work on it. */
async function holder(house: House, service: string, kind: string): Promise<Held> {
  let held: Held | undefined;
  await until(`${service} at work`, async () => {
    held = await found(house, service, kind);
    return held !== undefined && (kind !== "build" || (await agentRuns(held)));
  });
  return held!;
}

async function agentRuns({ folder, fence }: Held): Promise<boolean> {
  const run = folder === null ? null : await readRun(folder, fence);
  return run?.state === "running" && Boolean(run.record.agent);
}

async function livingProcesses(house: House): Promise<number> {
  const { rows } = await inTenant(house.database.app, house.tenantId, (tx) =>
    sql<{ pid: number }>`select pid from process where ended_at is null and kind in ('server', 'worker')`.execute(tx),
  );
  return rows.filter(({ pid }) => isThere(pid)).length;
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

function endIfThere(pid: number): void {
  if (isThere(pid)) process.kill(pid, "SIGKILL");
}

/** Asks every 5 ms, which is as exact as the figure is. */
async function until(what: string, isSo: () => Promise<boolean>): Promise<void> {
  const deadline = Date.now() + 60_000;
  while (!(await isSo())) {
    if (Date.now() > deadline) throw new Error(`60 s have passed without ${what}`);
    await sleep(5);
  }
}
