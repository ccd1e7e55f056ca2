import { Worker } from "node:worker_threads";
import type { Database } from "#db/open.ts";
import type { RenewData } from "./renew-thread.ts";

/** Starts the thread that keeps this process's built-in runs alive. */
export function renewLeases(database: Database, tenantId: string, processId: string): { stop(): Promise<void> } {
  const data: RenewData = { connection: database.connection, tenantId, processId };
  const thread = new Worker(new URL(import.meta.resolve("#dispatch/renew-thread.ts")), { workerData: data });
  thread.unref();
  const ended = new Promise<void>((resolve) => thread.once("exit", () => resolve()));
  return {
    async stop() {
      thread.ref();
      thread.postMessage("stop");
      await ended;
    },
  };
}
