import { setImmediate as breathe } from "node:timers/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import { append } from "#ledger/append.ts";
import { advanceService, type Advanced } from "#lines/service/advance.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { contentHash } from "#proof/content-hash.ts";
import { contentStamp } from "#proof/content-stamp.ts";
import { readFrontMatter } from "#proof/front-matter.ts";
import { Failure } from "#system/failure.ts";
import { writeStatus, type StatusOf } from "./write-status.ts";
import { readControl } from "./read-control.ts";
import { readText } from "./read-text.ts";
import { openWorkspace, type WorkspaceOptions } from "./read-workspace.ts";
import { watchServices, type ServiceWatch } from "./watch.ts";
import { failpoint } from "#system/failpoint.ts";

export type KeeperRules = WorkspaceOptions & {
  coverageFloor: number;
  drafting: boolean;
  settleMs: number;
  sweepMs: number;
  policyVersion: string;
  hasDeployTarget(service: string): boolean;
};

export type Keeper = {
  /** Watches and sweeps from now on. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Looks at one service, or at all of them, and moves each along its line. */
  look(name?: string): Promise<void>;
  /** The rules changed: everything is looked at by the new ones. */
  rulesChanged(): Promise<void>;
  see(serviceDir: string): SeenFacts;
  /** Where a service of this name lies, or would. */
  folderOf(service: string): string;
};

type Opened = ReturnType<typeof openWorkspace>;

/**
 * Keeps the line in step with the folder: a file watch tells of each service that has become still, a sweep of all is
 * the safety, and whoever ends a run asks for another look.
 */
export function keepWorkspace(
  tools: Omit<WorkTools, "lookAgain">,
  { workspace, rules, statusOf }: { workspace: string; rules: () => KeeperRules; statusOf: StatusOf },
): Keeper {
  const turns = new Map<string, Promise<void>>();
  const stamps = new Map<string, string>();
  let watch: ServiceWatch | undefined;
  let timer: NodeJS.Timeout | undefined;
  let sweeping: Promise<void> | undefined;
  let stopped = false;

  /** One look at a time per service: a second one that is asked for meanwhile comes after it, with what is true then. */
  function inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(name) ?? Promise.resolve()).then(work).catch((error: unknown) => {
      tools.log.error({ err: error, service: name }, "a service could not be looked at");
    });
    turns.set(name, turn);
    void turn.then(() => turns.get(name) === turn && turns.delete(name));
    return turn;
  }

  function lookAt(name: string): Promise<void> {
    return inTurn(name, async () => {
      if (stopped) return;
      const open = openWorkspace(workspace, rules());
      if (!open.names.includes(name)) return markGone(name);
      await outlastDatabase(tools.database, () => lookOnce(name, () => openWorkspace(workspace, rules())));
    });
  }

  async function lookOnce(name: string, opened: () => Pick<Opened, "read" | "registryPath">): Promise<void> {
    for (let attempt = 0; attempt < 10; attempt++) {
      const version = await versionOf(name);
      const { read, registryPath } = opened();
      const seen = read(name);
      if (isBeingWritten(name, seen)) return;
      const stamp = await stampOf(seen);
      const advanced = await advance(seen, version);
      if (!advanced) continue;
      failpoint("item.decided");
      stamps.set(name, stamp);
      await writeStatus(tools, { workspace, registryPath, seen, advanced, statusOf });
      failpoint("status.written");
      return;
    }
    throw new Failure("conflict", `${name} kept changing while it was looked at; the next sweep looks again.`);
  }

  /** A spec saved a moment ago may be half of one, whoever asks for the look: it is looked at when it has been still. */
  function isBeingWritten(name: string, { spec }: SeenFacts): boolean {
    const { settleMs } = rules();
    const age = spec?.writtenAt ? tools.clock.now().getTime() - spec.writtenAt.getTime() : settleMs;
    if (age < 0 || age >= settleMs) return false;
    const later = setTimeout(() => void lookAt(name), settleMs - age + 1);
    later.unref();
    return true;
  }

  async function advance(seen: SeenFacts, version: number | null): Promise<Advanced | null> {
    const { coverageFloor, drafting, hasDeployTarget, policyVersion } = rules();
    const hash = seen.unreadable === null && seen.code !== null ? await contentHash(seen.path).catch(() => null) : null;
    const look = {
      seen,
      specText: specText(seen),
      contentHash: hash,
      control: await readControl(seen, { coverageFloor }),
      draftingAllowed: drafting,
      hasDeployTarget: hasDeployTarget(seen.name),
      version,
    };
    const because = { actor: "steward", at: tools.clock.now(), policy: policyVersion };
    return inTenant(tools.database.app, tools.tenantId, (tx) => advanceService(tx, because, look));
  }

  async function versionOf(name: string): Promise<number | null> {
    return inTenant(tools.database.app, tools.tenantId, async (tx) => {
      const item = await tx
        .selectFrom("item")
        .select("version")
        .where("line", "=", "service")
        .where("key", "=", name)
        .executeTakeFirst();
      return item?.version ?? null;
    });
  }

  /** A folder that is gone takes its ready work with it; what runs is asked to stop. What serves goes on serving. */
  async function markGone(name: string): Promise<void> {
    stamps.delete(name);
    const at = tools.clock.now();
    await inTenant(tools.database.app, tools.tenantId, async (tx) => {
      const { rows } = await sql<{ id: string }>`
        update item set gone_at = ${at}, updated_at = ${at} where line = 'service' and key = ${name} and gone_at is null returning id`.execute(
        tx,
      );
      const item = rows[0];
      if (!item) return;
      const { rows: cancelled } = await sql<{ id: string }>`
        update ticket set state = 'cancelled', outcome = 'cancelled', last_error = 'its folder is gone', ended_at = ${at}, updated_at = ${at}
        where item_id = ${item.id} and state in ('ready', 'waiting') returning id`.execute(tx);
      await sql`update ticket set stop_reason = 'its folder is gone' where item_id = ${item.id} and state = 'claimed'`.execute(
        tx,
      );
      await append(tx, { actor: "steward", at, rule: "workspace.gone" }, { type: "item.gone", subject: item.id, line: "service", key: name },
        ...cancelled.map(({ id }) => ({ type: "ticket.cancelled" as const, subject: id, item: item.id, reason: "its folder is gone" }))); // prettier-ignore
    });
  }

  /** Reads all services, taking breath, and looks at those that differ from the last look. */
  async function sweep({ all }: { all: boolean }): Promise<void> {
    const open = openWorkspace(workspace, rules());
    for (const problem of open.problems) tools.log.warn({ problem }, "the workspace has a problem");
    for (const [index, name] of open.names.entries()) {
      if (stopped) return;
      if (index % 50 === 49) await breathe();
      if (watch?.isSettling(name)) continue;
      if (!all && stamps.get(name) === (await stampOf(open.read(name)))) continue;
      await inTurn(name, () => outlastDatabase(tools.database, () => lookOnce(name, () => open)));
    }
    for (const name of await outlastDatabase(tools.database, namesKept)) if (!open.names.includes(name)) await inTurn(name, () => markGone(name));
  }

  async function namesKept(): Promise<string[]> {
    return inTenant(tools.database.app, tools.tenantId, async (tx) =>
      (
        await tx.selectFrom("item").select("key").where("line", "=", "service").where("gone_at", "is", null).execute()
      ).map(({ key }) => key),
    );
  }

  function sweepNow(all: boolean): Promise<void> {
    sweeping = (sweeping ?? Promise.resolve())
      .then(() => sweep({ all }))
      .catch((error: unknown) =>
        tools.log.error({ err: error }, "the sweep of the workspace failed; it is tried again"),
      );
    return sweeping;
  }

  function scheduleSweep(): void {
    if (stopped) return;
    timer = setTimeout(() => void sweepNow(false).then(scheduleSweep), rules().sweepMs);
    timer.unref();
  }

  function startWatch(): void {
    const { folder, only } = openWorkspace(workspace, rules());
    watch = watchServices({
      folder,
      only,
      settle: rules().settleMs,
      changed: (name) => void lookAt(name),
      registryChanged: () => void sweepNow(false),
      degraded: (reason) => tools.log.warn({ reason }, "some folders cannot be watched; the sweep looks after them"),
    });
    watch.start();
  }

  return {
    async start() {
      startWatch();
      await sweepNow(true);
      scheduleSweep();
    },
    async stop() {
      stopped = true;
      clearTimeout(timer);
      watch?.stop();
      await sweeping;
      await Promise.all(turns.values());
    },
    look: (name) => (name === undefined ? sweepNow(true) : lookAt(name)),
    async rulesChanged() {
      if (watch) {
        watch.stop();
        startWatch();
      }
      await sweepNow(true);
    },
    folderOf: (service) => join(openWorkspace(workspace, rules()).folder, service),
    see(serviceDir) {
      const open = openWorkspace(workspace, rules());
      return open.read(serviceDir.slice(open.folder.length + 1));
    },
  };
}

/** What must change for a look to be worth while: the facts, or any file's size or times. */
async function stampOf(seen: SeenFacts): Promise<string> {
  return `${JSON.stringify(seen)}${seen.unreadable === null ? await contentStamp(seen.path) : ""}`;
}

/** What is to be built: front matter says how it is judged and run, and that is kept apart. */
function specText({ spec, path }: SeenFacts): string | null {
  if (!spec || spec.unreadable !== null) return null;
  const read = readText(join(path, spec.file), { within: path, cap: 1 << 20 });
  if ("problem" in read) return null;
  const lines = read.text.split("\n");
  return lines.slice(readFrontMatter(lines).lines).join("\n");
}
