import { sql } from "kysely";
import type { Tx } from "#db/db.ts";

/** How far back each list goes: enough for a page, and for a person. */
const RECENT = 20;

/** What has happened to a service, newest first. */
export async function serviceHistory(tx: Tx, itemId: string) {
  return {
    rounds: await rounds(tx, itemId),
    tickets: await tickets(tx, itemId),
    runs: await runs(tx, itemId),
    verdicts: await verdicts(tx, itemId),
    deployments: await deployments(tx, itemId),
    incidents: await incidents(tx, itemId),
  };
}

async function rounds(tx: Tx, itemId: string) {
  type Row = { number: number; openedAt: Date; builtAt: Date | null; difference: string | null };
  const { rows } = await sql<Row>`
    select number, opened_at as "openedAt", built_at as "builtAt", difference from round
    where item_id = ${itemId} order by number desc limit ${RECENT}`.execute(tx);
  return rows;
}

async function tickets(tx: Tx, itemId: string) {
  type Row = {
    id: string; kind: string; capability: string; title: string; state: string; round: number; attempt: number;
    lastError: string | null; createdAt: Date; endedAt: Date | null;
  }; // prettier-ignore
  const { rows } = await sql<Row>`
    select id, kind, capability, title, state, round, attempt, last_error as "lastError", created_at as "createdAt", ended_at as "endedAt"
    from ticket where item_id = ${itemId} order by created_at desc, id desc limit ${RECENT}`.execute(tx);
  return rows;
}

async function runs(tx: Tx, itemId: string) {
  type Row = {
    id: string; ticket: string; kind: string; agent: string; state: string; outcome: string | null;
    verified: boolean | null; startedAt: Date; endedAt: Date | null;
  }; // prettier-ignore
  const { rows } = await sql<Row>`
    select r.id, r.ticket_id as ticket, r.kind, a.name as agent, r.state, r.outcome, r.verified, r.started_at as "startedAt", r.ended_at as "endedAt"
    from ticket t join run r on r.ticket_id = t.id join agent a on a.id = r.agent_id
    where t.item_id = ${itemId} order by r.started_at desc, r.id desc limit ${RECENT}`.execute(tx);
  return rows;
}

async function verdicts(tx: Tx, itemId: string) {
  type Row = { id: string; gate: string; round: number; ok: boolean; reasons: string[]; contentHash: string; at: Date };
  const { rows } = await sql<Row>`
    select id, gate, round, ok, reasons, content_hash as "contentHash", at from verdict
    where item_id = ${itemId} order by at desc, id desc limit ${RECENT}`.execute(tx);
  return rows;
}

async function deployments(tx: Tx, itemId: string) {
  type Row = {
    id: string; target: string; version: string; round: number; state: string; port: number | null;
    startedAt: Date; endedAt: Date | null;
  }; // prettier-ignore
  const { rows } = await sql<Row>`
    select id, target, version, round, state, port, started_at as "startedAt", ended_at as "endedAt" from deployment
    where item_id = ${itemId} order by started_at desc, id desc limit ${RECENT}`.execute(tx);
  return rows;
}

async function incidents(tx: Tx, itemId: string) {
  type Row = {
    id: string; reason: string; steps: { at: string; did: string; reason: string }[]; openedAt: Date; closedAt: Date | null;
  }; // prettier-ignore
  const { rows } = await sql<Row>`
    select id, reason, steps, opened_at as "openedAt", closed_at as "closedAt" from incident
    where item_id = ${itemId} order by opened_at desc, id desc limit ${RECENT}`.execute(tx);
  return rows;
}
