import { BATCH, CONNECTIONS, type Drain } from "./drain.ts";
import { type GraphileWorkerModule, loadPeer } from "./peers.ts";

/** graphile-worker by its own worker: two jobs at a time, each fetched alone or, with its local queue, ten at once. */
export async function graphileWorkerDrain(
  connectionString: string,
  { localQueue }: { localQueue: boolean },
): Promise<Drain> {
  const { module, version } = await loadPeer<GraphileWorkerModule>("graphile-worker");
  const utils = await module.makeWorkerUtils({ connectionString });
  await utils.migrate();
  const preset = {
    worker: {
      connectionString,
      concurrentJobs: CONNECTIONS,
      maxPoolSize: CONNECTIONS,
      ...(localQueue ? { localQueue: { size: BATCH }, completeJobBatchDelay: 0, failJobBatchDelay: 0 } : {}),
    },
  };
  const identifier = `bench_${localQueue ? "queued" : "single"}`;
  const name = `graphile-worker ${version}${localQueue ? ", localQueue" : ""}`;
  return {
    name,
    how: localQueue
      ? `run() with 2 concurrent jobs, localQueue of ${BATCH}, completions batched; no budget, switch, capability or ledger`
      : "run() with 2 concurrent jobs, each fetched and completed alone; no budget, switch, capability or ledger",
    async fill(jobs) {
      await utils.addJobs(Array.from({ length: jobs }, (_, index) => ({ identifier, payload: { index } })));
    },
    async drain(jobs) {
      let done = 0;
      const { promise: all, resolve } = Promise.withResolvers<void>();
      const runner = await module.run({
        preset,
        logger: new module.Logger(() => () => {}),
        noHandleSignals: true,
        taskList: {
          [identifier]: () => {
            done += 1;
            if (done === jobs) resolve();
          },
        },
      });
      await all;
      // Stopping waits for the last completions.
      await runner.stop();
    },
    close: () => utils.release(),
  };
}
