import type { DeployTarget, ServiceSettings } from "./target.ts";
import { DEFAULT_HEALTH_PATH } from "#deploy/production.ts";
import { reachOf } from "#proof/reach.ts";
import { Failure, messageOf } from "#system/failure.ts";
import { probe } from "#system/probe.ts";

/** What a hired agent put into production, by the record of what was proved. */
export type Hired = { version: string; agent: string; url: string; stop: string | null; rollback: string | null };

/**
 * Production is where a hired agent put it. Steward asks there whether it is well, by the rule of reach.ts, and that is
 * all: it holds none of it, so that every change is a ticket for an agent with the capability devops.
 */
export function agentTarget({
  hired,
  hosts,
}: {
  hired(service: string): Promise<Hired | null>;
  /** Beside this machine. */
  hosts(): readonly string[];
}): DeployTarget {
  const notOurs = (service: string, what: string) =>
    new Failure(
      "invalid",
      `${service} was deployed by a hired agent: Steward does not run it and cannot ${what}. ` +
        `An agent with the capability devops does: \`steward deploy ${service}\` asks one`,
    );

  async function ask({ service, healthPath = DEFAULT_HEALTH_PATH }: ServiceSettings) {
    const record = await hired(service);
    if (record === null) return { ok: false, status: null, reason: "nothing is recorded", latencyMs: null, record };
    try {
      const { url, lookup } = reachOf(record.url, hosts());
      return { ...(await probe(`${url}${healthPath}`, { lookup })), record };
    } catch (error) {
      return { ok: false, status: null, reason: messageOf(error), latencyMs: null, record };
    }
  }

  return {
    kind: "agent",
    runsElsewhere: true,
    deploy: async ({ settings }) => Promise.reject(notOurs(settings.service, "deploy it")),
    rollback: async ({ settings }) => Promise.reject(notOurs(settings.service, "take it back")),
    restart: async (settings) => Promise.reject(notOurs(settings.service, "restart it")),

    async recover(settings) {
      const { ok, reason, record } = await ask(settings);
      const url = record?.url ?? null;
      return { ok, serving: record?.version ?? null, before: null, reason, logTail: [], url, seconds: 0 };
    },

    async status(settings) {
      const { ok, reason, latencyMs, record } = await ask(settings);
      // What it serves is not seen from here, so the record is not to follow it; and who else ends it is not known.
      const unknown = { version: null, contentHash: null, stopped: false, brokenOff: null, gone: false } as const;
      return { ...unknown, healthy: ok, reason, latencyMs, url: record?.url ?? null };
    },

    lastLines: () => Promise.resolve([]),

    /** Only its owner or its agent can end it: once it is silent, that is recorded. */
    async stop(settings) {
      const { status, record } = await ask(settings);
      if (record === null || status === null) return;
      const how = record.stop === null ? "" : ` (${record.agent} said: ${record.stop})`;
      throw new Failure(
        "conflict",
        `${settings.service} was deployed by ${record.agent}, a hired agent: Steward does not run it and cannot end it. ` +
          `It answers at ${record.url}: end it there${how}; \`steward stop ${settings.service} --production\` then records that`,
      );
    },
  };
}
