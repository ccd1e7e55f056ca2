import { chmod, cp, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { sql } from "kysely";
import { readSettings } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { ledgerHead, readLedger, type LedgerEvent } from "#ledger/follow.ts";
import { createLog } from "#system/log.ts";
import { endEverything } from "./end-everything.ts";
import { startUp, untilAsked, type Up } from "./up.ts";

export type DemoOptions = {
  exitWhenDone: boolean;
  port?: number;
  /** Leaves the scratch folder there, to look into. */
  keep?: boolean;
  version: string;
  environment: Record<string, string | undefined>;
  /** Talk, line by line. */
  say(line: string): void;
};

export type DemoResult = {
  services: { service: string; phase: string; healthy: boolean }[];
  seconds: number;
  tickets: number;
  spentUsd: number;
};

const example = fileURLToPath(new URL("../../examples/workspace", import.meta.url));

/** The whole demo may take this long before it is given up; on two cores it needs a tenth. */
const PATIENCE_MS = 10 * 60_000;

/** Ports that the example's specs name; where one is taken, the scratch copy's steward.yaml names another. */
const EXAMPLE_PORTS: Record<string, number> = { quotes: 8911, pulse: 8912, landing: 8913 };

/**
 * Takes a copy of the example workspace from written specs to healthy production, with nobody touching it, and serves.
 * Everything it made is gone afterwards: its services, its database, its folder.
 */
export async function runDemo({
  exitWhenDone,
  port = 8900,
  keep = false,
  version,
  environment,
  say,
}: DemoOptions): Promise<DemoResult> {
  const started = performance.now();
  const scratch = await mkdtemp(join(tmpdir(), "steward-demo-"));
  // The database's own user must be able to pass through.
  await chmod(scratch, 0o711);
  const workspace = join(scratch, "workspace");
  await cp(example, workspace, { recursive: true });
  await avoidTakenPorts(workspace, say);
  const free = await freePort(port);
  if (free !== port) say(`Port ${port} is taken: this demo serves on ${free}.`);
  const settings = readSettings(
    { STEWARD_LOG: "warn", ...environment, STEWARD_HOME: join(scratch, "home"), STEWARD_PORT: String(free) },
    workspace,
  );
  const log = createLog({ level: settings.logLevel });
  say(`The example workspace is in ${workspace}: three services, of which there is nothing but their SPEC.md.`);
  say(settings.databaseUrl === null ? "Starting the embedded PostgreSQL …" : "Using the PostgreSQL of DATABASE_URL …");
  const asked = untilAsked();
  try {
    const up = await startUp(settings, { version, log });
    say(`Steward looks after it on ${up.url}\n`);
    const result = await watchUntilDone(up, { started, asked, say });
    if (!exitWhenDone && allHealthy(result)) {
      await sayWhere(up, say);
      await asked;
      say("\nEnding the demo and everything it started …");
    }
    await up.stop("the demo is over");
    return result;
  } finally {
    const quiet = createLog({ level: "error" });
    await endEverything(settings, { services: true, log: quiet }).catch((error: unknown) =>
      say(`Not everything could be ended: ${String(error)}`),
    );
    if (!keep) await rm(scratch, { recursive: true, force: true });
  }
}

export const allHealthy = ({ services }: DemoResult): boolean =>
  services.length > 0 && services.every(({ healthy, phase }) => healthy && phase === "PRODUCTION");

async function watchUntilDone(
  up: Up,
  { started, asked, say }: { started: number; asked: Promise<string>; say: DemoOptions["say"] },
): Promise<DemoResult> {
  let interrupted = false;
  void asked.then(() => (interrupted = true));
  const { database, tenantId } = up.running.house;
  const deadline = Date.now() + PATIENCE_MS;
  let cursor = 0;
  /** Of the items, by id. */
  const names = new Map<string, string>();
  for (;;) {
    const { result, events } = await inTenant(database.app, tenantId, async (tx) => {
      const news = await readLedger(tx, { after: cursor });
      cursor = news.at(-1)?.seq ?? Math.min(cursor, await ledgerHead(tx));
      const { rows } = await sql<{ service: string; phase: string; healthy: boolean }>`
        select key as service, phase, health = 'healthy' as healthy from item where line = 'service' and gone_at is null order by key`.execute(
        tx,
      );
      const { rows: totals } = await sql<{ tickets: number; nano: number }>`
        select (select count(*)::int from ticket where state = 'done') as tickets, (select coalesce(sum(cost_nano), 0)::bigint from run) as nano`.execute(
        tx,
      );
      const seconds = Math.round((performance.now() - started) / 100) / 10;
      return {
        events: news,
        result: { services: rows, seconds, tickets: totals[0]!.tickets, spentUsd: totals[0]!.nano / 1e9 },
      };
    });
    for (const event of events) {
      if (typeof event.body["key"] === "string") names.set(event.subject, event.body["key"]);
      const line = tell(event, names);
      if (line) say(`${String(((performance.now() - started) / 1000).toFixed(1)).padStart(6)} s  ${line}`);
    }
    if (allHealthy(result) || interrupted || Date.now() > deadline) return result;
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
}

/** What an onlooker wants to know of an event, if anything. */
function tell({ type, body }: LedgerEvent, names: ReadonlyMap<string, string>): string | null {
  const text = (key: string) => String(body[key] as string | number | boolean);
  const name = (names.get(text("item")) ?? (body["key"] === undefined ? "" : text("key"))).padEnd(10);
  switch (type) {
    case "item.moved":
      return `${name} ${text("stage")}: ${text("phase")} – ${String((body["reasons"] as string[])[0] ?? "")}`;
    case "ticket.claimed":
      return `${name} ${text("agent")} takes it (${text("why")})`;
    case "ticket.refused":
      return `${name} ${text("agent")} refuses: ${String((body["reasons"] as string[])[0] ?? "")}`;
    case "gate.judged":
      return body["gate"] === "tests"
        ? `${name} gate ${text("gate")}: ${body["ok"] === true ? "green" : "red"} – ${String((body["reasons"] as string[])[0] ?? "")}`
        : null;
    case "service.deployed":
      return `${name} release ${text("version")} serves on http://127.0.0.1:${text("port")}`;
    default:
      return null;
  }
}

async function sayWhere(up: Up, say: DemoOptions["say"]): Promise<void> {
  const { database, tenantId } = up.running.house;
  const { rows } = await inTenant(database.app, tenantId, (tx) =>
    sql<{ key: string; port: number }>`select key, port from item where line = 'service' order by key`.execute(tx),
  );
  say("\nAll of it is in production, tested and healthy:");
  for (const { key, port } of rows) say(`  ${key.padEnd(10)} http://127.0.0.1:${port}/health`);
  say(`\n  Where things are: ${up.url}\n  Ctrl-C ends the demo and everything it started.`);
}

/** The specs stay as they are: a taken port is the machine's matter, so it is said in steward.yaml. */
async function avoidTakenPorts(workspace: string, say: DemoOptions["say"]): Promise<void> {
  const lines: string[] = [];
  for (const [service, wanted] of Object.entries(EXAMPLE_PORTS)) {
    const port = await freePort(wanted);
    if (port === wanted) continue;
    say(`Port ${wanted} is taken: ${service} gets ${port}.`);
    lines.push(`  ${service}: { port: ${port} }`);
  }
  if (lines.length === 0) return;
  const path = join(workspace, "steward.yaml");
  await writeFile(path, `${await readFile(path, "utf8")}\nservice:\n${lines.join("\n")}\n`);
}

async function freePort(wanted: number): Promise<number> {
  const listenOn = (port: number) =>
    new Promise<number | null>((resolve) => {
      const server = createServer();
      server.once("error", () => resolve(null));
      server.listen(port, "127.0.0.1", () => {
        const { port: given } = server.address() as { port: number };
        server.close(() => resolve(given));
      });
    });
  return (await listenOn(wanted)) ?? (await listenOn(0)) ?? wanted;
}
