import pg from "pg";
import { startEmbedded } from "#db/embedded/start-embedded.ts";
import { silentLog } from "#system/log.ts";
import type { Bench, BenchTools, Figure } from "./bench.ts";
import { BATCH, CONNECTIONS, type Drain } from "./drain.ts";
import { graphileWorkerDrain } from "./drain-graphile-worker.ts";
import { pgBossDrain } from "./drain-pg-boss.ts";
import { stewardDrain } from "./drain-steward.ts";
import { installPeers } from "./peers.ts";
import { median, spread } from "./samples.ts";

const ROUNDS = 5;
/** About a second of each at the usual rates: more would outlast the two minutes that this bench may take. */
const JOBS = 4_000;

/**
 * Claim and complete, side by side on one embedded database with fsync on. One round of each after the other, again
 * and again, so that a machine which gets slower or faster meanwhile favours none of them.
 */
export const throughput: Bench = {
  name: "throughput",
  about: "claim and complete per second, beside pg-boss and graphile-worker",
  async run(tools) {
    await installPeers(tools.say);
    const adminUrl = await startDatabase(tools);
    const drains = await openAll(adminUrl, tools);
    const rates = new Map<Drain, number[]>(drains.map((drain) => [drain, []]));
    const lags = new Map<Drain, number[]>(drains.map((drain) => [drain, []]));
    for (let round = 0; round <= ROUNDS; round++) {
      for (const drain of drains) {
        const { rate, lagMs } = await once(drain, adminUrl, round === 0 ? JOBS / 4 : JOBS);
        tools.say(`round ${round} ${drain.name}: ${Math.round(rate)}/s`);
        // Round 0 warms up: plans, caches, compiled code.
        if (round === 0) continue;
        rates.get(drain)!.push(rate);
        lags.get(drain)!.push(lagMs);
      }
    }
    const pgBoss = drains.find(({ name }) => name.startsWith("pg-boss"))!;
    const toBeat = median(rates.get(pgBoss)!);
    return drains.map((drain) => {
      const figure = figureOf(drain, rates, lags);
      if (!drain.name.startsWith("Steward")) return figure;
      return { ...figure, goal: { text: `≥ ${pgBoss.name}`, met: figure.value >= toBeat } };
    });
  },
};

async function startDatabase({ folder, stateRoot, defer }: BenchTools): Promise<string> {
  const embedded = await startEmbedded({ home: folder, stateRoot, log: silentLog });
  defer(() => embedded.stop());
  return embedded.adminUrl;
}

async function openAll(adminUrl: string, { folder, defer }: BenchTools): Promise<Drain[]> {
  const drains: Drain[] = [];
  for (const open of [
    () => stewardDrain(adminUrl, { tenants: 1, folder }),
    () => stewardDrain(adminUrl, { tenants: 20, folder }),
    () => pgBossDrain(adminUrl),
    () => graphileWorkerDrain(adminUrl, { localQueue: false }),
    () => graphileWorkerDrain(adminUrl, { localQueue: true }),
  ]) {
    const drain = await open();
    defer(() => drain.close());
    drains.push(drain);
  }
  return drains;
}

async function once(drain: Drain, adminUrl: string, jobs: number): Promise<{ rate: number; lagMs: number }> {
  await drain.fill(jobs);
  await tidy(adminUrl);
  const started = performance.now();
  await drain.drain(jobs);
  const drained = performance.now();
  await drain.settle?.();
  return { rate: jobs / ((drained - started) / 1000), lagMs: performance.now() - drained };
}

/** Dead rows of the round before, and statistics from before it, are nobody's burden in this one. */
async function tidy(adminUrl: string): Promise<void> {
  const client = new pg.Client({ connectionString: adminUrl });
  await client.connect();
  try {
    await client.query("vacuum analyze");
  } finally {
    await client.end();
  }
}

function figureOf(drain: Drain, rates: Map<Drain, number[]>, lags: Map<Drain, number[]>): Figure {
  const lag = drain.settle ? ` The last event was sealed ${Math.round(median(lags.get(drain)!))} ms after.` : "";
  return {
    id: `throughput: ${drain.name}`,
    name: `claim + complete: ${drain.name}`,
    unit: "/s",
    ...spread(rates.get(drain)!),
    how: `${drain.how}; ${JOBS} jobs a round, ${CONNECTIONS} connections, batches of ${BATCH}, median of ${ROUNDS} alternating rounds on the same database (fsync on).${lag}`,
  };
}
