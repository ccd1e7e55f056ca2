import { appendFile, readFile } from "node:fs/promises";
import type { Db } from "#db/db.ts";
import { hasErrorCode } from "#system/failure.ts";
import type { Log } from "#system/log.ts";
import { BATCH, seal, type Head } from "./seal.ts";

/** Followers see an event at most this long after its commit, as long as the sealer keeps up. */
const EVERY_MS = 150;
const PUBLISH_EVERY_MS = 60_000;

/**
 * Seals what is pending, over and over; of several processes one does it at a time. Now and then, and at the end, the
 * heads are published outside the database: a cut-off tail or a chain rewritten whole shows only against these.
 */
export function startSealer(
  engine: Db,
  { headsFile, log }: { headsFile: string; log: Log },
): { stop(): Promise<void> } {
  let stopped = false;
  let wake: () => void = () => {};
  const latest = new Map<string, Head>();
  let publishedAt = 0;

  const publish = async () => {
    if (latest.size === 0) return;
    await appendFile(
      headsFile,
      [...latest.values()].map((head) => `${JSON.stringify({ ...head, at: new Date().toISOString() })}\n`).join(""),
      { mode: 0o600 },
    );
    latest.clear();
    publishedAt = Date.now();
  };
  const running = (async () => {
    while (!stopped) {
      try {
        const { sealed, heads } = await seal(engine);
        for (const head of heads) latest.set(head.tenantId, head);
        if (latest.size > 0 && Date.now() - publishedAt > PUBLISH_EVERY_MS) await publish();
        // A full batch has more behind it. After a smaller one it waits: each seal is a commit, and many small ones take
        // the disk and the processor from the work that they record.
        if (sealed >= BATCH) continue;
      } catch (error) {
        log.warn({ err: error }, "sealing the ledger failed; it is tried again");
      }
      await new Promise<void>((resolve) => {
        const timer = setTimeout(resolve, EVERY_MS);
        wake = () => (clearTimeout(timer), resolve());
      });
    }
    await seal(engine)
      .then(({ heads }) => heads.forEach((head) => latest.set(head.tenantId, head)))
      .catch(() => {});
    await publish().catch((error: unknown) => log.warn({ err: error }, "the ledger's heads could not be published"));
  })();

  return {
    async stop() {
      stopped = true;
      wake();
      await running;
    },
  };
}

/** The heads that were published here for a tenant. A line that was cut short by a power cut is passed over. */
export async function publishedHeads(headsFile: string, tenantId: string): Promise<Head[]> {
  const text = await readFile(headsFile, "utf8").catch((error: unknown) => {
    if (hasErrorCode(error, "ENOENT")) return "";
    throw error;
  });
  return text.split("\n").flatMap((line) => {
    try {
      const head = JSON.parse(line) as Head;
      return head.tenantId === tenantId ? [head] : [];
    } catch {
      return [];
    }
  });
}
