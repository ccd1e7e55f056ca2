import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { readRules, rulesFileName, tellProblem, type RulesFile, type Settings } from "#config.ts";
import { startEmbedded, type Embedded } from "#db/embedded/start-embedded.ts";
import { watchRoom, type Trouble } from "#db/embedded/watch-room.ts";
import { isConnectionLost, isDiskFull } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import { openDatabase, type Database } from "#db/open.ts";
import { keptId, leaveProcess, registerProcess, type Presence } from "#dispatch/register-process.ts";
import { systemClock, type Clock } from "#system/clock.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { isInside, writeFileAtomic } from "#system/files.ts";
import { uuidv7 } from "#system/ids.ts";
import { createLog, type Log } from "#system/log.ts";
import { refuseForeignHome } from "./one-house.ts";

/** Opened, not yet at work: enough to read, to ask and to decide. */
export type House = Presence & {
  settings: Settings;
  kind: "server" | "worker" | "command";
  database: Database;
  adminUrl: string;
  embedded: Embedded | null;
  clock: Clock;
  log: Log;
  rules: () => RulesFile;
  /** Before they were read. */
  rulesReadAt: Date;
  /** What keeps it from starting anything new. */
  troubles: () => Trouble[];
  close(reason?: string): Promise<void>;
};

export const ledgerHeadsFile = (home: string): string => join(home, "ledger-heads.jsonl");

/** A database that was killed a moment ago is back within this time; one that is not must not keep whoever leaves. */
const COMES_BACK_MS = 5_000;

/** Half a second apart: a crash's recovery took up to 4.4 s. */
const OPEN_ATTEMPTS = 20;

/** Opens the database and makes this process known in it. */
export async function openHouse(
  settings: Settings,
  {
    kind,
    version = "0.1.0",
    clock = systemClock,
    log = createLog({ level: settings.logLevel }),
  }: { kind: "server" | "worker" | "command"; version?: string; clock?: Clock; log?: Log },
): Promise<House> {
  const { home, workspace } = settings;
  if (isInside(workspace, home))
    throw new Failure(
      "invalid",
      `Steward's folder ${home} lies inside the workspace: set STEWARD_HOME to a folder outside of ${workspace}.`,
    );
  const rulesReadAt = clock.now();
  const rules = readRules(workspace);
  if (rules.problems.length > 0 && kind !== "command")
    throw new Failure(
      "invalid",
      `${rulesFileName} is not as it should be:\n  ${rules.problems.map(tellProblem).join("\n  ")}`,
    );
  await makeHome(home);
  const embedded =
    settings.databaseUrl === null ? await startEmbedded({ home, log, stateRoot: settings.stateRoot }) : null;
  const adminUrl = settings.databaseUrl ?? embedded!.adminUrl;
  const room = embedded && (await watchRoom(embedded.folder, log));
  try {
    const open = () => openDatabase({ adminUrl, log });
    const database = await (embedded ? withOwnServer(open) : open());
    const tenantId = await keptId(join(workspace, ".steward", "workspace.json"));
    await refuseForeignHome(settings, tenantId);
    const presence = await outlastDatabase(database, () =>
      registerProcess(database, {
        tenantId,
        tenantName: workspace,
        home,
        kind,
        version,
        at: clock.now(),
      }),
    );
    await writeFileAtomic(join(home, "lease-connection.json"), JSON.stringify(database.connection), { mode: 0o600 });
    let closing: Promise<void> | undefined;
    return {
      ...presence,
      settings,
      kind,
      database,
      adminUrl,
      embedded,
      clock,
      log,
      rules: () => rules,
      rulesReadAt,
      troubles: () => [room?.trouble() ?? []].flat(),
      close: (reason = "ended") =>
        (closing ??= (async () => {
          const leave = () => leaveProcess(database, presence, { at: clock.now(), reason, kind });
          await leave()
            .catch(() => database.wait({ timeoutMs: COMES_BACK_MS }).then(leave))
            .catch((error: unknown) => log.warn({ err: error }, "the end of this process could not be recorded"));
          await database.close();
          room?.stop();
          await embedded?.leave();
        })()),
    };
  } catch (error) {
    room?.stop();
    await embedded?.leave();
    const reason = error instanceof Failure ? error.cause : error;
    const { what, todo } = (isDiskFull(reason) && room?.trouble()) || {};
    throw what ? new Failure("unavailable", `${what} ${todo}`, { cause: error }) : error;
  }
}

/** A server of our own that is killed in this moment is started again in the next. */
async function withOwnServer<T>(open: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await open();
    } catch (error) {
      const reason = error instanceof Failure ? error.cause : error;
      if (attempt >= OPEN_ATTEMPTS || !isConnectionLost(reason)) throw error;
      await sleep(500);
    }
  }
}

/** 0755: the embedded database's own user must be able to pass through. What is secret in it is 0600. */
async function makeHome(home: string): Promise<void> {
  const probe = join(home, `.probe.${uuidv7()}`);
  try {
    await mkdir(home, { recursive: true, mode: 0o755 });
    await writeFile(probe, "");
    await rm(probe);
  } catch (error) {
    throw new Failure(
      "unavailable",
      `Steward's folder ${home} cannot be made or written: ${messageOf(error)}. Make it writable and make room, or choose another (STEWARD_HOME).`,
      { cause: error },
    );
  }
}
