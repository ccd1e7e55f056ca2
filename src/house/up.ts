import { runEnvironment as names, runKeyFor, runKeySecret } from "#http/run-key.ts";
import { startServer, type Server } from "#http/server.ts";
import { findServer } from "#http/server-file.ts";
import { publishedHeads } from "#ledger/sealer.ts";
import { rulesFileName, type Settings } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { Failure } from "#system/failure.ts";
import type { Log } from "#system/log.ts";
import { sql } from "kysely";
import { houseCommands } from "./commands.ts";
import { keepAlone } from "./one-house.ts";
import { ledgerHeadsFile, openHouse, type House } from "./open-house.ts";
import { startHouse, type Running } from "./start-house.ts";

export type Up = {
  url: string;
  running: Running;
  /** Stops claiming and answering. Runners, services and, if they need it, the database live on; says which. */
  stop(reason: string): Promise<{ runs: number; services: number; databaseStays: boolean }>;
};

/** Opens the house, starts it and its API. `port` 0: any free one. */
export async function startUp(settings: Settings, { version, log }: { version: string; log?: Log }): Promise<Up> {
  const other = await findServer(settings.home);
  if (other)
    throw new Failure(
      "conflict",
      `Steward already looks after this workspace at ${other.url} (process ${other.pid}). \`steward status\` shows it, \`steward down\` ends it.`,
    );
  const alone = await keepAlone(settings);
  const house = await openHouse(settings, { kind: "server", version, ...(log && { log }) }).catch(
    async (error: unknown) => {
      await alone.leave();
      throw error;
    },
  );
  let running: Running | undefined;
  let server: Server | undefined;
  try {
    running = await startHouse(house, { watches: true, runEnvironment: runEnvironmentOf(settings.home) });
    const { database, tenantId, clock } = house;
    server = await startServer({
      database,
      tenantId,
      clock,
      log: house.log,
      home: settings.home,
      host: settings.host,
      port: settings.port,
      workspace: settings.workspace,
      version,
      commands: houseCommands(running),
      rules: running.rulesState,
      troubles: house.troubles,
      publishedHeads: () => publishedHeads(ledgerHeadsFile(settings.home), tenantId),
    });
  } catch (error) {
    await running?.stop("it could not start");
    await house.close("it could not start");
    await alone.leave();
    throw error;
  }
  const { url, stop: stopServer } = server;
  const atWork = running;
  return {
    url,
    running: atWork,
    async stop(reason) {
      await stopServer();
      await atWork.stop(reason);
      const left = await whatGoesOn(house);
      await house.close(reason);
      await alone.leave();
      return { ...left, databaseStays: house.embedded !== null && left.runs > 0 };
    },
  };
}

/** A worker: the same hands and no eyes. It claims from the same database; the workspace must be reachable here too. */
export async function startWorker(
  settings: Settings,
  { version, log }: { version: string; log?: Log },
): Promise<Omit<Up, "url">> {
  const house = await openHouse(settings, { kind: "worker", version, ...(log && { log }) });
  try {
    const running = await startHouse(house, { watches: false, runEnvironment: runEnvironmentOf(settings.home) });
    return {
      running,
      async stop(reason) {
        await running.stop(reason);
        const left = await whatGoesOn(house);
        await house.close(reason);
        return { ...left, databaseStays: house.embedded !== null && left.runs > 0 };
      },
    };
  } catch (error) {
    await house.close("it could not start");
    throw error;
  }
}

/** Where the server is, and the key of this one run, so that an agent may say how far it is. */
function runEnvironmentOf(home: string) {
  return async ({ runId, fence }: { runId: string; fence: number }): Promise<Record<string, string>> => {
    const server = await findServer(home);
    const key = runKeyFor(await runKeySecret(home), runId, fence);
    return { [names.run]: runId, [names.key]: key, ...(server && { [names.url]: server.url }) };
  };
}

async function whatGoesOn({ database, tenantId, hostId, log }: House): Promise<{ runs: number; services: number }> {
  try {
    return await inTenant(database.app, tenantId, async (tx) => {
      const { rows } = await sql<{ runs: number; services: number }>`
        select (select count(*)::int from run where host_id = ${hostId} and state = 'running') as runs,
          (select count(*)::int from deployment where host_id = ${hostId} and state = 'live' and target = 'process') as services`.execute(
        tx,
      );
      return rows[0]!;
    });
  } catch (error) {
    log.warn(
      { err: error },
      `what goes on could not be counted; \`steward status\` says it. ${rulesFileName} is not touched`,
    );
    return { runs: 0, services: 0 };
  }
}

/** Resolves with the signal's name when this process is asked to end. A second signal ends it at once. */
export function untilAsked(): Promise<string> {
  return new Promise((resolve) => {
    let asked = false;
    const heard = (signal: string) => {
      if (asked) process.exit(130);
      asked = true;
      resolve(signal);
    };
    process.on("SIGINT", heard);
    process.on("SIGTERM", heard);
  });
}
