// A whole house for a journey: a real workspace, real agents and services, a real database, no door left out.
import { chmod, mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { get } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { sql } from "kysely";
import { pino } from "pino";
import { stringify } from "yaml";
import { readSettings, type Settings } from "#config.ts";
import { inTenant, type Tx } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { endFront } from "#deploy/front/point-front.ts";
import { serviceFolder } from "#deploy/service-folder.ts";
import { endRelease, readRunning } from "#deploy/start-release.ts";
import { houseCommands } from "#house/commands.ts";
import { endEverything } from "#house/end-everything.ts";
import { openHouse } from "#house/open-house.ts";
import { startHouse, type HouseOptions, type Running } from "#house/start-house.ts";
import type { RecoveryPolicy } from "#health/recovery.ts";
import { tryAgain } from "#lines/service/try-again.ts";
import { silentLog } from "#system/log.ts";
import { freePort, removeFolder } from "#system/testing.ts";

/** Of production's own, in a hundredth of its time. */
export const QUICK_RECOVERY: RecoveryPolicy = {
  failedProbes: 2,
  restarts: 2,
  restartWindowMs: 60_000,
  backoffMs: 100,
  backoffCapMs: 1_000,
  startupMs: 500,
  repairAgainMs: 60_000,
};

/** A release that is well gets the time that a busy machine needs; one that is not is given up as late. */
export const QUICK_CHANGES = { healthMs: 6_000, confirmEveryMs: 30, drainMs: 1_500, quietMs: 100, graceMs: 1_000 };

export type Files = Record<string, string>;

export type JourneyOptions = {
  /** By service: its files. A `port` of its own is given to each in steward.yaml. */
  services?: Record<string, Files>;
  /** By name: a program, in JavaScript, and what it can do. */
  agents?: Record<string, { code: string; capabilities: string[]; slots?: number; [setting: string]: unknown }>;
  /** More of steward.yaml. */
  rules?: Record<string, unknown>;
  /** More of single services in steward.yaml. */
  service?: Record<string, Record<string, unknown>>;
  environment?: Record<string, string>;
  recovery?: Partial<RecoveryPolicy>;
  changes?: HouseOptions["changes"];
  /** False: the caller starts it. */
  start?: boolean;
};

export type Row = Record<string, unknown>;

/** All that is recorded of one service. */
export type Story = {
  item: Row | undefined;
  tickets: Row[];
  runs: Row[];
  verdicts: Row[];
  deployments: Row[];
  incidents: Row[];
  approvals: Row[];
};

export type JourneyEvent = { type: string; subject: string; actor: string; rule: string | null; at: Date; body: Row };

export type Journey = Awaited<ReturnType<typeof makeJourney>>;

/** Everything it starts has ended, and all it wrote is gone, after the test. */
export async function makeJourney(t: TestContext, options: JourneyOptions = {}) {
  const { services = {}, agents = {}, rules = {}, service = {}, recovery = {}, changes = {}, start = true } = options;
  const folder = await mkdtemp(join(tmpdir(), "steward-journey-"));
  await chmod(folder, 0o755);
  const workspace = join(folder, "workspace");
  await mkdir(join(workspace, "SERVICES"), { recursive: true });
  const { adminUrl, drop } = await createTestDatabase();
  const environment = { ...process.env, STEWARD_LOG: process.env["STEWARD_LOG"] ?? "silent", ...options.environment };
  const settings: Settings = readSettings(
    { ...environment, STEWARD_HOME: join(folder, "home"), STEWARD_PORT: "0", DATABASE_URL: adminUrl },
    workspace,
  );
  /** What the houses had to say, line by line; seen while a test is being written with STEWARD_LOG=warn. */
  const said: string[] = [];
  const loud = settings.logLevel !== "silent";
  const log = pino({ level: loud ? settings.logLevel : "warn" }, {
    write(line) {
      said.push(line);
      if (loud) process.stderr.write(line);
    },
  }); // prettier-ignore
  const ports: Record<string, number> = {};
  const houses: Running[] = [];
  const starting: Promise<unknown>[] = [];

  const write = (path: string, text: string) => writeInto(workspace, { [path]: text });
  const addService = async (name: string, files: Files) => writeInto(join(workspace, "SERVICES", name), files);

  const rulesNow: Record<string, unknown> = {
    settle_seconds: 0.1,
    sweep_seconds: 2,
    probe_seconds: 0.3,
    deploy: { target: "process" },
    ...rules,
  };
  /** Writes steward.yaml anew with more said in it. */
  async function rewriteRules(more: Record<string, unknown> = {}): Promise<void> {
    Object.assign(rulesNow, more);
    await write("steward.yaml", stringify(rulesNow));
  }

  for (const [name, files] of Object.entries(services)) {
    ports[name] = await freePort();
    await addService(name, files);
  }
  for (const [name, { code }] of Object.entries(agents)) await write(`agents/${name}.mjs`, code);
  rulesNow["agents"] = Object.fromEntries(
    Object.entries(agents).map(([name, { code: _code, ...agent }]) => [
      name,
      { command: [process.execPath, `{workspace}/agents/${name}.mjs`], ...agent },
    ]),
  );
  rulesNow["service"] = Object.fromEntries(
    [...new Set([...Object.keys(services), ...Object.keys(service)])].map((name) => [
      name,
      { ...(ports[name] !== undefined && { port: ports[name] }), ...service[name] },
    ]),
  );
  await rewriteRules();

  /** Puts a house to work on the workspace; more than one may be at work. */
  async function up(options: { kind?: "server" | "worker" } = {}): Promise<Running> {
    const start = startOne(options);
    // One that another's failure has left behind is ended all the same.
    starting.push(start.catch(() => {}));
    return start;
  }

  async function startOne({ kind = "server" }: { kind?: "server" | "worker" }): Promise<Running> {
    const house = await openHouse(settings, { kind, log });
    const running = await startHouse(house, {
      watches: kind === "server",
      recovery: { ...QUICK_RECOVERY, ...recovery },
      changes: { ...QUICK_CHANGES, ...changes },
    });
    houses.push(running);
    return running;
  }

  async function down(running: Running = houses.at(-1)!): Promise<void> {
    await running.stop("the test stops it");
    await running.house.close("the test stops it");
    houses.splice(houses.indexOf(running), 1);
  }

  const first: (() => unknown)[] = [];
  t.after(async () => {
    await Promise.all(starting);
    for (const undo of first) await undo();
    while (houses.length > 0) await down();
    // Whatever the test did to it: what it declared must be found again to be ended.
    await rewriteRules({ agents: {} }).catch(() => {});
    await endEverything(settings, { services: true, log: silentLog }).catch(() => {});
    await endProduction(settings.home);
    await drop();
    await removeFolder(folder);
  });

  if (start) await up();
  const current = () => {
    const running = houses[0];
    if (!running) throw new Error("No house is up.");
    return running;
  };
  const query = <T>(work: (tx: Tx) => Promise<T>): Promise<T> => {
    const { database, tenantId } = current().house;
    return inTenant(database.app, tenantId, work);
  };

  /** Another one as soon as anything was committed: cheaper to ask than a whole story. */
  async function snapshotOf(): Promise<string> {
    const { rows } = await sql<{ now: string }>`select pg_current_snapshot()::text as now`.execute(
      current().house.database.app,
    );
    return rows[0]!.now;
  }

  const storyOf = (name: string) => query((tx) => readStory(tx, name));

  async function events(types?: string[], { service: of }: { service?: string } = {}): Promise<JourneyEvent[]> {
    const all = await query((tx) => readEvents(tx, types));
    if (of === undefined) return all;
    const story = await storyOf(of);
    const ids = new Set([story.item, ...story.tickets, ...story.runs, ...story.incidents].map((row) => row?.["id"]));
    return all.filter(({ subject }) => ids.has(subject));
  }

  /** The phases that it went through, in order. */
  async function phases(of: string): Promise<string[]> {
    return (await events(["item.moved"], { service: of })).map(({ body }) => String(body["phase"]));
  }

  /** Waits until the service's story is as said, and tells the whole story if it does not come to that. */
  async function waitFor(
    name: string,
    predicate: (story: Story) => unknown,
    { withinMs = 60_000, what = predicate.toString() }: { withinMs?: number; what?: string } = {},
  ): Promise<Story> {
    const until = performance.now() + withinMs;
    let read = { snapshot: "", at: 0 };
    for (;;) {
      const snapshot = await snapshotOf();
      // Once a second in any case: a predicate may look at more than the story.
      if (snapshot !== read.snapshot || performance.now() > read.at + 1_000) {
        const story = await storyOf(name);
        if (predicate(story)) return story;
        read = { snapshot, at: performance.now() };
      }
      if (performance.now() > until) {
        const story = await storyOf(name);
        const last = (await events()).slice(-60);
        throw new Error(`${name} did not come to this in ${withinMs} ms: ${what}\n${tell(story, last)}`);
      }
      await pause(40);
    }
  }

  /** Waits until something else is so. */
  async function until<T>(
    what: string,
    check: () => Promise<T | undefined | null | false>,
    { withinMs = 30_000 } = {},
  ): Promise<T> {
    const end = performance.now() + withinMs;
    for (;;) {
      const found = await check();
      if (found) return found;
      if (performance.now() > end) {
        const stories = await Promise.all(Object.keys(services).map(storyOf));
        const last = (await events()).slice(-40);
        throw new Error(
          `This did not come in ${withinMs} ms: ${what}\n${stories.map((one) => tell(one, last)).join("\n")}`,
        );
      }
      await pause(30);
    }
  }

  /** As `steward run SERVICE` does it. */
  async function runAgain(name: string): Promise<void> {
    await query((tx) => tryAgain(tx, { actor: "owner", at: new Date() }, name));
    await current().keeper.look(name);
  }

  return {
    folder,
    workspace,
    runAgain,
    settings,
    ports,
    log,
    said,
    adminUrl,
    up,
    down,
    houses,
    running: current,
    /** Done before anything else is undone after the test. */
    undoFirst: (undo: () => unknown) => void first.push(undo),
    commands: () => houseCommands(current()),
    query,
    storyOf,
    events,
    phases,
    waitFor,
    until,
    write,
    addService,
    rewriteRules,
    rulesNow,
    path: (...parts: string[]) => join(workspace, ...parts),
    read: (...parts: string[]) => readFile(join(workspace, ...parts), "utf8"),
    inProduction: (name: string, more: { withinMs?: number; version?: string } = {}) =>
      waitFor(name, (story) => isHealthy(story, more.version), {
        ...more,
        what: `healthy in PRODUCTION${more.version ? ` as ${more.version}` : ""}`,
      }),
    ask: (name: string, path = "/health") => ask(`http://127.0.0.1:${ports[name]}${path}`),
  };
}

export function isHealthy({ item, deployments }: Story, version?: string): boolean {
  if (item?.["phase"] !== "PRODUCTION" || item["health"] !== "healthy") return false;
  return version === undefined || deployments.some((one) => one["state"] === "live" && one["version"] === version);
}

/** With a connection of its own: one that is kept may be to a process that the test has ended. */
export async function ask(url: string): Promise<Response> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: false, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () => resolve(new Response(text, { status: response.statusCode ?? 0 })));
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error(`${url} did not answer in 10 s`)));
    request.on("error", reject);
  });
}

async function readStory(tx: Tx, name: string): Promise<Story> {
  const { rows } = await sql<Row>`
    select * from item where line = 'service' and key = ${name} order by gone_at is not null limit 1`.execute(tx);
  const item = rows[0];
  const id = item?.["id"] ?? null;
  const of = async (table: string, order: string) =>
    (await sql<Row>`select * from ${sql.table(table)} where item_id = ${id} order by ${sql.raw(order)}`.execute(tx))
      .rows;
  const runs = await sql<Row>`
    select r.*, a.name as agent, t.title from run r join agent a on a.id = r.agent_id join ticket t on t.id = r.ticket_id
    where r.item_id = ${id} order by r.started_at, r.id`.execute(tx);
  return {
    item,
    tickets: await of("ticket", "created_at, id"),
    runs: runs.rows,
    verdicts: await of("verdict", "at, id"),
    deployments: await of("deployment", "started_at, id"),
    incidents: await of("incident", "opened_at, id"),
    approvals: await of("approval", "asked_at, id"),
  };
}

async function readEvents(tx: Tx, types?: string[]): Promise<JourneyEvent[]> {
  const { rows } = await sql<JourneyEvent>`
    select type, subject, actor, rule, at, body from event
    where ${types ?? null}::text[] is null or type = any(${types ?? null}) order by id`.execute(tx);
  return rows;
}

function tell(
  { item, tickets, runs, verdicts, deployments, incidents, approvals }: Story,
  events: JourneyEvent[],
): string {
  const line = (row: Row, ...keys: string[]) => `  ${keys.map((key) => `${key}=${short(row[key])}`).join(" ")}`;
  return [
    item ? line(item, "key", "stage", "phase", "needs", "health", "health_reason", "round", "reasons") : "  no item",
    "tickets",
    ...tickets.map((row) => line(row, "kind", "capability", "state", "attempt", "outcome", "last_error", "ready_at")),
    "runs",
    ...runs.map((row) => line(row, "agent", "kind", "state", "outcome", "verified", "detail")),
    "verdicts",
    ...verdicts.map((row) => line(row, "gate", "ok", "reasons", "content_hash")),
    "deployments",
    ...deployments.map((row) => line(row, "version", "state", "content_hash", "detail")),
    "incidents",
    ...incidents.map((row) => line(row, "reason", "steps", "closed_at")),
    "approvals",
    ...approvals.map((row) => line(row, "kind", "state", "question", "why")),
    "the last events",
    ...events.map(({ type, at, body }) => `  ${at.toISOString().slice(14)} ${type} ${short(body, 260)}`),
  ].join("\n");
}

function short(value: unknown, most = 400): string {
  return (JSON.stringify(value) ?? "").slice(0, most);
}

/** What endEverything cannot find any more because a test took its record away. */
async function endProduction(home: string): Promise<void> {
  const root = join(home, "production");
  const names = await readdir(root).catch(() => []);
  for (const name of names.filter((one) => !one.startsWith("."))) {
    const folder = serviceFolder(root, name);
    await endFront(folder.front);
    for (const release of await readRunning(folder)) await endRelease(folder, release, { graceMs: 0 });
  }
}

export async function writeInto(folder: string, files: Files): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

/** An agent that writes these files into its copy, and does what else is said before and after. */
export function agentThatWrites(files: Files, { before = "", after = "" } = {}): string {
  return `import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
const ticket = JSON.parse(await readFile(process.env.STEWARD_TICKET_FILE, "utf8"));
/** The owner's workspace, where it has no business. */
const workspace = resolve(import.meta.dirname, "..");
/** For the test. */
const note = (name, value) => writeFile(join(import.meta.dirname, name), JSON.stringify(value));
const write = async (path, text) => {
  await mkdir(dirname(path), { recursive: true });
  await writeFile(path, text);
};
${before}
for (const [path, text] of Object.entries(${JSON.stringify(files)})) await write(path, text);
${after}
`;
}

export async function copyExample(service: string): Promise<Files> {
  return {
    "SPEC.md": await readFile(new URL(`../../examples/workspace/SERVICES/${service}/SPEC.md`, import.meta.url), "utf8"),
  };
}

export { freePort, pause };
