import { sql } from "kysely";
import type { Tx } from "#db/db.ts";

/** What serves, and what has happened in production, for the service's own files. */
export type ProductionStatus = {
  health: string;
  port: number | null;
  /** One that Steward had given it, and that it has no more. */
  freedPort: number | null;
  release: {
    version: string;
    target: string;
    contentHash: string;
    deployedAt: Date;
    stopped: boolean;
    /** Where it answers, if that is not a port of this machine. */
    url: string | null;
  } | null;
  /** Oldest first. */
  happened: { at: Date; text: string }[];
};

/** A log is brought up to date with this much: more than ever happens between two looks. */
const RECENT = 50;

const EVENTS = [
  "service.deployed",
  "service.deploy_failed",
  "service.rolled_back",
  "service.restarted",
  "service.brought_back",
  "service.repair_asked",
  "service.stopped",
  "service.record_corrected",
  "service.retired",
] as const;

export async function productionStatus(tx: Tx, itemId: string): Promise<ProductionStatus> {
  const { rows } = await sql<{
    health: string; port: number | null; freedPort: number | null; version: string | null; target: string; contentHash: string; deployedAt: Date; state: string; url: string | null;
  }>`
    select i.health, case when d.target <> 'process' then d.port else i.port end as port,
      (select g.port from deployment g where g.item_id = i.id and g.detail @> '{"portGiven": true}' and d.target <> 'process' order by g.started_at desc limit 1) as "freedPort", d.detail->>'url' as url, d.version, d.target, d.content_hash as "contentHash", d.started_at as "deployedAt", d.state
    from item i left join lateral (
      select * from deployment where item_id = i.id and state in ('live', 'stopped') order by started_at desc limit 1) d on true
    where i.id = ${itemId}`.execute(tx); // prettier-ignore
  const { health, port, freedPort, version, state, ...release } = rows[0]!;
  // Before it first served it has no records of a production: that they are there is what others take for one.
  const { rows: served } = await sql`
    select 1 from deployment where item_id = ${itemId} and state not in ('deploying', 'failed') limit 1`.execute(tx);
  return {
    health,
    port,
    freedPort,
    release: version === null ? null : { ...release, version, stopped: state === "stopped" },
    happened: served.length === 0 ? [] : await lately(tx, itemId),
  };
}

async function lately(tx: Tx, itemId: string): Promise<{ at: Date; text: string }[]> {
  const { rows } = await sql<{ at: Date; type: (typeof EVENTS)[number]; body: Record<string, string | number | null> }>`
    select at, type, body from event where subject = ${itemId} and type = any(${[...EVENTS]}) order by id desc limit ${RECENT}`.execute(
    tx,
  );
  return rows.toReversed().map(({ at, type, body }) => ({ at, text: sentence(type, body) }));
}

function sentence(type: (typeof EVENTS)[number], body: Record<string, string | number | null>): string {
  switch (type) {
    case "service.deployed":
      return `deployed ${body["version"]} (${body["target"]})${body["port"] === null ? "" : ` on port ${body["port"]}`}`;
    case "service.deploy_failed":
      return `did not deploy ${body["version"]}: ${body["reason"]}`;
    case "service.rolled_back":
      return `went back from ${body["from"]} to ${body["to"]}: ${body["reason"]}`;
    case "service.restarted":
      return `restarted ${body["version"]}: ${body["reason"]}`;
    case "service.brought_back":
      return `brought back ${body["version"]}: ${body["reason"]}`;
    case "service.repair_asked":
      return `asked for a repair of ${body["version"]}: ${body["reason"]}`;
    case "service.stopped":
      return `stopped: ${body["reason"]}`;
    case "service.retired":
      return `retired ${body["version"]} (${body["target"]}): ${body["reason"]}`;
    case "service.record_corrected":
      return `${body["to"] ?? "nothing"} serves, not ${body["from"]}: ${body["reason"]}`;
  }
}
