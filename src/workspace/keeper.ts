import { join } from "node:path";
import { inTenant } from "#db/db.ts";
import type { Listener } from "#db/listen.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { failpoint } from "#system/failpoint.ts";
import { markGone } from "./gone.ts";
import { lookOnce, type Looked, type LookTools } from "./look.ts";
import { hasNews, knownItems, saveStamps, type KnownItem } from "./news.ts";
import { openWorkspace, type WorkspaceOptions } from "./read-workspace.ts";
import { writeRegistry } from "./registry-writer.ts";
import { sweepServices } from "./sweep.ts";
import { watchServices, type ServiceWatch } from "./watch.ts";
import type { StatusOf } from "./write-status.ts";

export type KeeperRules = WorkspaceOptions & {
  coverageFloor: number;
  drafting: boolean;
  settleMs: number;
  sweepMs: number;
  policyVersion: string;
  hasDeployTarget(service: string): boolean;
};

export type Keeper = {
  /** Watches and sweeps from now on. The first sweep is under way when this resolves. */
  start(): Promise<void>;
  stop(): Promise<void>;
  /** Looks at one service, or at all of them, and moves each along its line. */
  look(name?: string): Promise<void>;
  /** The rules changed: everything is looked at by the new ones, from now on and in the background. */
  rulesChanged(): Promise<void>;
  see(serviceDir: string): SeenFacts;
  /** Where a service of this name lies, or would. */
  folderOf(service: string): string;
};

/** A look that failed is tried again after a second, then twice as long each time: the sweep is a minute away. */
const RETRY_MS = { first: 1_000, most: 30_000 };
/** Whoever reports a run looks at its item right after: only if it died does the one who heard of it have to. */
const REPORTERS_LOOK_MS = 500;

/**
 * Keeps the line in step with the folder: a file watch tells of each service that has become still, whoever ends a run
 * asks for another look and rings for the case that it dies before, and a sweep of all is the safety.
 */
export function keepWorkspace(
  tools: Omit<WorkTools, "lookAgain">,
  { workspace, rules, statusOf }: { workspace: string; rules: () => KeeperRules; statusOf: StatusOf },
): Keeper {
  const { database, tenantId, clock, log } = tools;
  const opened = () => {
    const at = clock.now();
    return { at, ...openWorkspace(workspace, rules()) };
  };
  const registry = writeRegistry(tools, { within: workspace, path: () => opened().registryPath });
  const lookTools: LookTools = { tools, workspace, rules, statusOf, registry };
  const known = (which: { keys?: string[]; ids?: string[] } = {}) =>
    inTenant(database.app, tenantId, (tx) => knownItems(tx, which));

  const turns = new Map<string, Promise<void>>();
  const failures = new Map<string, number>();
  /** What looks went by that is not noted in the database yet: first, all that they had to write must be written. */
  const unnoted = new Map<string, string>();
  let noting = Promise.resolve();
  const ringing = new Set<string>();
  let stopped = false;
  let watch: ServiceWatch | undefined;
  let listener: Listener | undefined;
  let sweeping: Promise<void> | undefined;

  function later(ms: number, then: () => void): void {
    setTimeout(() => stopped || then(), ms).unref();
  }

  /** One look at a time per service: a second one that is asked for meanwhile comes after it, with what is true then. */
  function inTurn(name: string, work: () => Promise<void>): Promise<void> {
    const turn = (turns.get(name) ?? Promise.resolve())
      .then(() => (stopped ? undefined : outlastDatabase(database, work)))
      .then(
        () => void failures.delete(name),
        (error: unknown) => {
          const failed = failures.get(name) ?? 0;
          failures.set(name, failed + 1);
          log.error({ err: error, service: name }, "a service could not be looked at; it is tried again soon");
          later(Math.min(RETRY_MS.first * 2 ** failed, RETRY_MS.most), () => void lookAt(name, { always: true }));
        },
      );
    turns.set(name, turn);
    void turn.then(() => turns.get(name) === turn && turns.delete(name));
    return turn;
  }

  /** Unless `always`, only if the files, the rules or the tables say something else than at the last look. */
  function lookAt(name: string, { always }: { always: boolean }): Promise<void> {
    return inTurn(name, async () => {
      const open = opened();
      if (!open.names.includes(name)) return isGone(name);
      let fresh: typeof open | undefined = open;
      const openAgain = () => {
        const now = fresh ?? opened();
        fresh = undefined;
        return now;
      };
      const looked = await lookOnce(lookTools, name, { open: openAgain, unless: always ? () => false : isNoted });
      if (looked === "unchanged") return;
      after(name, looked);
      await note();
    });
  }

  const isNoted = ({ id, stamp }: KnownItem, now: string) => stamp === now || unnoted.get(id) === now;

  function after(name: string, looked: Looked): void {
    if (looked === "unchanged") return;
    if ("itemId" in looked) unnoted.set(looked.itemId, looked.stamp);
    else later(looked.beingWritten, () => void lookAt(name, { always: false }));
  }

  /** One after the other; each takes with it all that came meanwhile. */
  function note(): Promise<void> {
    const mine = noting.then(async () => {
      const stamps = new Map(unnoted);
      if (stamps.size === 0) return;
      await registry.flush();
      failpoint("status.written");
      await inTenant(database.app, tenantId, (tx) => saveStamps(tx, stamps));
      for (const [id, stamp] of stamps) if (unnoted.get(id) === stamp) unnoted.delete(id);
    });
    noting = mine.catch(() => {});
    return mine;
  }

  const isGone = (name: string) => inTenant(database.app, tenantId, (tx) => markGone(tx, clock.now(), name));

  async function sweep({ all }: { all: boolean }): Promise<void> {
    if (stopped) return;
    const open = opened();
    for (const problem of open.problems) log.warn({ problem }, "the workspace has a problem");
    await sweepServices({
      names: open.names,
      known: await known(),
      isStopped: () => stopped,
      log,
      async look(name, item) {
        if (watch?.isSettling(name)) return;
        const unless = all ? () => false : isNoted;
        await inTurn(name, async () => after(name, await lookOnce(lookTools, name, { open: () => open, known: item, unless }))); // prettier-ignore
      },
      gone: (name) => inTurn(name, () => isGone(name)),
      meanwhile: () => void note().catch(() => {}),
    });
    await note();
  }

  function sweepNow({ all }: { all: boolean }): Promise<void> {
    sweeping = (sweeping ?? Promise.resolve())
      .then(() => sweep({ all }))
      .catch((error: unknown) => log.error({ err: error }, "the sweep of the workspace failed; it is tried again"));
    return sweeping;
  }

  /** Our own writes tell of nothing new, and each would have every service looked at. */
  async function sweepIfOthersWrote(): Promise<void> {
    if (await registry.changedByOthers()) await sweepNow({ all: false });
  }

  function scheduleSweep(): void {
    later(rules().sweepMs, () => void sweepNow({ all: false }).then(scheduleSweep));
  }

  /** An item's run was reported, somewhere: if there is something new to see a moment later, nobody else saw to it. */
  function heardOf(itemId: string): void {
    if (ringing.size === 0) later(REPORTERS_LOOK_MS, () => void lookAtThoseWithNews());
    ringing.add(itemId);
  }

  async function lookAtThoseWithNews(): Promise<void> {
    const ids = [...ringing];
    ringing.clear();
    try {
      for (const item of await outlastDatabase(database, () => known({ ids })))
        if (hasNews(item)) void lookAt(item.key, { always: false });
    } catch (error) {
      log.warn({ err: error }, "it could not be asked which services have news; the sweep does");
    }
  }

  function startWatch(): void {
    const { folder, only } = opened();
    watch = watchServices({
      folder,
      only,
      settle: rules().settleMs,
      changed: (name) => void lookAt(name, { always: false }),
      registryChanged: () => void sweepIfOthersWrote(),
      degraded: (reason) => log.warn({ reason }, "some folders cannot be watched; the sweep looks after them"),
    });
    watch.start();
  }

  return {
    async start() {
      listener = await outlastDatabase(database, () =>
        database.listen(["steward_look"], {
          onNotify: (_channel, itemId) => heardOf(itemId),
          onReconnect: () => void sweepNow({ all: false }),
        }),
      );
      await registry.changedByOthers();
      startWatch();
      void sweepNow({ all: false }).then(scheduleSweep);
    },
    async stop() {
      stopped = true;
      watch?.stop();
      await listener?.close();
      await sweeping;
      await Promise.all(turns.values());
      await noting;
    },
    look: (name) => (name === undefined ? sweepNow({ all: true }) : lookAt(name, { always: true })),
    async rulesChanged() {
      if (!watch || stopped) return;
      watch.stop();
      startWatch();
      void sweepNow({ all: false });
    },
    folderOf: (service) => join(opened().folder, service),
    see(serviceDir) {
      const open = opened();
      return open.read(serviceDir.slice(open.folder.length + 1));
    },
  };
}
