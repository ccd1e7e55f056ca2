import { randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import type { Database } from "#db/open.ts";
import { append } from "#ledger/append.ts";
import { Failure } from "#system/failure.ts";
import { writeFileOnce } from "#system/files.ts";
import { uuidv7 } from "#system/ids.ts";
import { bootId, isAlive, ownIdentity } from "#system/processes.ts";

export type Presence = { tenantId: string; hostId: string; processId: string };

/** Makes this process known: its tenant, its host and itself. From then on its runs are found, and found to be orphans. */
export async function registerProcess(
  database: Database,
  {
    tenantId,
    tenantName,
    home,
    kind,
    version,
    at,
  }: {
    tenantId: string;
    tenantName: string;
    home: string;
    kind: "server" | "worker" | "command";
    version: string;
    at: Date;
  },
): Promise<Presence> {
  const hostId = await keptId(join(home, "host.json"));
  const processId = uuidv7();
  const { pid, startTime } = ownIdentity();
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`insert into tenant (id, name) values (${tenantId}, ${tenantName}) on conflict do nothing`.execute(tx);
    await sql`
      insert into host (id, tenant_id, name, boot_id, seen_at) values (${hostId}, ${tenantId}, ${hostname()}, ${bootId()}, now())
      on conflict (id) do update set name = excluded.name, boot_id = excluded.boot_id, seen_at = now()`.execute(tx);
    await tx
      .insertInto("process")
      .values({ id: processId, tenant_id: tenantId, host_id: hostId, kind, pid, start_time: startTime })
      .execute();
    if (kind !== "command")
      await append(
        tx,
        { actor: "steward", at },
        { type: "process.started", subject: processId, kind, host: hostname(), pid, version },
      );
  });
  return { tenantId, hostId, processId };
}

export async function leaveProcess(
  database: Database,
  { tenantId, processId }: Presence,
  { at, reason, kind }: { at: Date; reason: string; kind: string },
): Promise<void> {
  await inTenant(database.app, tenantId, async (tx) => {
    await sql`update process set ended_at = ${at} where id = ${processId}`.execute(tx);
    if (kind !== "command")
      await append(tx, { actor: "steward", at }, { type: "process.ended", subject: processId, reason });
  });
}

/**
 * Whether a process lives: on this host by its pid and start time, on another by its last sign of life, which is
 * renewed every second.
 */
export async function processLives(tx: Tx, hostId: string, processId: string): Promise<boolean> {
  const { rows } = await sql<{ host_id: string; pid: number; start_time: string; fresh: boolean }>`
    select host_id, pid, start_time, seen_at > now() - interval '10 seconds' as fresh from process where id = ${processId} and ended_at is null`.execute(
    tx,
  );
  const one = rows[0];
  if (!one) return false;
  return one.host_id === hostId ? isAlive({ pid: one.pid, startTime: one.start_time, bootId: bootId() }) : one.fresh;
}

/** An id in a small file, made on first use; two that make it at once get the same one. */
export async function keptId(path: string): Promise<string> {
  if (!existsSync(path)) await writeFileOnce(path, `${JSON.stringify({ id: randomUUID() })}\n`);
  const text = await readFile(path, "utf8");
  const id = /"id":\s*"([0-9a-f-]{36})"/.exec(text)?.[1];
  if (!id) throw new Failure("invalid", `${path} holds no id: restore it, or delete it to begin anew.`);
  return id;
}
