import { BATCH, CONNECTIONS, type Drain, expectAll, onEveryConnection } from "./drain.ts";
import { loadPeer, type PgBossModule } from "./peers.ts";

/** pg-boss by its own fetch and complete, without its workers' polling, and with its maintenance switched off. */
export async function pgBossDrain(connectionString: string): Promise<Drain> {
  const { module, version } = await loadPeer<PgBossModule>("pg-boss");
  const boss = new module.PgBoss({ connectionString, max: CONNECTIONS, supervise: false, schedule: false });
  boss.on("error", (error) => {
    throw error;
  });
  await boss.start();
  const queue = "bench";
  await boss.createQueue(queue);
  const name = `pg-boss ${version}`;
  return {
    name,
    how: `fetch with batchSize ${BATCH}, complete with all its ids; no budget, switch, capability or ledger`,
    async fill(jobs) {
      await boss.insert(
        queue,
        Array.from({ length: jobs }, (_, index) => ({ data: { index } })),
      );
    },
    async drain(jobs) {
      const done = await onEveryConnection(async () => {
        const batch = await boss.fetch(queue, { batchSize: BATCH });
        if (batch.length > 0)
          await boss.complete(
            queue,
            batch.map(({ id }) => id),
          );
        return batch.length;
      });
      expectAll(name, done, jobs);
    },
    close: () => boss.stop({ graceful: false, close: true }),
  };
}
