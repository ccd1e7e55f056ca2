import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import type { Database } from "#db/open.ts";
import { standingSwitches } from "#policy/switches.ts";

type Active = { controller: AbortController; kind: "process" | "runner"; done: Promise<void> };

export type ActiveRuns = {
  /** Follows one run of this process. `work` must not throw. */
  begin(
    run: { runId: string; agentId?: string; kind: "process" | "runner" },
    work: (signal: AbortSignal) => Promise<void>,
  ): void;
  count(agentId: string): number;
  has(runId: string): boolean;
  /** Aborts those that a switch or a cancel stops; runners would hear of it within a second, this is quicker. */
  stopWhatIsStopped(): Promise<void>;
  /** Ends this process's own (built-in) work; runners live on. */
  leave(reason: string): Promise<void>;
};

/** The runs that this process carries out or follows. */
export function activeRuns(database: Database, tenantId: string): ActiveRuns {
  const active = new Map<string, Active>();
  const perAgent = new Map<string, number>();

  return {
    begin({ runId, agentId, kind }, work) {
      const controller = new AbortController();
      if (agentId) perAgent.set(agentId, (perAgent.get(agentId) ?? 0) + 1);
      const done = work(controller.signal).finally(() => {
        active.delete(runId);
        if (agentId) perAgent.set(agentId, perAgent.get(agentId)! - 1);
      });
      active.set(runId, { controller, kind, done });
    },
    count: (agentId) => perAgent.get(agentId) ?? 0,
    has: (runId) => active.has(runId),
    async stopWhatIsStopped() {
      if (active.size === 0) return;
      const stopped = await inTenant(database.app, tenantId, async (tx) => {
        const switches = await standingSwitches(tx);
        const { rows } = await sql<{
          id: string;
          agent_id: string;
          item_id: string;
          line: string;
          client: string | null;
          stop_reason: string | null;
        }>`
          select r.id, r.agent_id, r.item_id, t.line, i.client, t.stop_reason
          from run r join ticket t on t.id = r.ticket_id join item i on i.id = r.item_id where r.id = any(${[...active.keys()]})`.execute(
          tx,
        );
        return rows.flatMap((run) => {
          const scopes: Record<string, string | null> = {
            everything: "",
            line: run.line,
            item: run.item_id,
            client: run.client,
            agent: run.agent_id,
            run: run.id,
          };
          const by = switches.find(({ scope, scopeId }) => scopes[scope] === scopeId);
          const reason = run.stop_reason ?? (by && `stopped: ${by.reason}`);
          return reason ? [{ id: run.id, reason }] : [];
        });
      });
      for (const { id, reason } of stopped) active.get(id)?.controller.abort(reason);
    },
    async leave(reason) {
      const own = [...active.values()].filter(({ kind }) => kind === "process");
      for (const { controller } of own) controller.abort(reason);
      await Promise.all(own.map(({ done }) => done));
    },
  };
}
