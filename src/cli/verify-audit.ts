import type { Settings } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { publishedHeads } from "#ledger/sealer.ts";
import { verifyLedger, type Verification } from "#ledger/verify.ts";
import type { Common } from "./command.ts";
import { settingsFor, tryConnect } from "./connect.ts";
import { exitCode } from "./exit-code.ts";
import { answer, say } from "./talk.ts";
import { Failure } from "#system/failure.ts";
import { count } from "#system/count.ts";

export async function verifyAudit(options: Common): Promise<void> {
  const settings = settingsFor(options);
  const connection = await tryConnect(settings).catch((error: unknown) => {
    if (!(error instanceof Failure && error.code === "unreachable")) throw error;
    say(`${error.message}\nReading its database directly.`);
    return null;
  });
  const verified = connection ? await connection.client.house.verify() : await verifyDirectly(settings);
  if (verified.ok) {
    const { events, pending, head } = verified;
    return answer(
      options.json,
      verified,
      `The ledger is whole: ${count(events, "event")}${pending > 0 ? `, ${pending} not sealed yet` : ""}, head ${head.hash.slice(0, 16) || "none"}.`,
    );
  }
  answer(
    options.json,
    verified,
    `THE LEDGER WAS CHANGED at seal ${verified.seq}: ${verified.problem}.\nWhat was before it is whole. Restore the database from a backup, and find out who wrote to it.`,
  );
  process.exitCode = exitCode.failed;
}

/** Without a server too: whoever doubts the ledger may have stopped the house first. */
async function verifyDirectly(settings: Settings): Promise<Verification> {
  const { inHouseDirectly } = await import("./open-directly.ts");
  const { ledgerHeadsFile } = await import("#main.ts");
  return inHouseDirectly(settings, async ({ database, tenantId }) => {
    const heads = await publishedHeads(ledgerHeadsFile(settings.home), tenantId);
    return inTenant(database.app, tenantId, (tx) => verifyLedger(tx, heads));
  });
}
