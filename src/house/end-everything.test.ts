import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import { readSettings } from "#config.ts";
import { inTenant } from "#db/db.ts";
import { createTestDatabase } from "#db/testing.ts";
import { registerProcess } from "#dispatch/register-process.ts";
import { silentLog } from "#system/log.ts";
import { isAlive, ownIdentity, startTimeOf } from "#system/processes.ts";
import { removeFolder } from "#system/testing.ts";
import { endEverything } from "./end-everything.ts";
import { openHouse } from "./open-house.ts";

test("down ends servers and workers, not a command that runs beside it, and never itself", async (t) => {
  const { database, adminUrl } = await createTestDatabase(t);
  const folder = await mkdtemp(join(tmpdir(), "steward-down-"));
  t.after(() => removeFolder(folder));
  await mkdir(join(folder, "workspace"));
  const settings = readSettings(
    { STEWARD_HOME: join(folder, "home"), DATABASE_URL: adminUrl },
    join(folder, "workspace"),
  );
  const before = await openHouse(settings, { kind: "command", log: silentLog });
  t.after(() => before.close());
  const register = async (kind: "server" | "worker" | "command", { pid, startTime }: Known) => {
    const { processId } = await registerProcess(database, {
      tenantId: before.tenantId, tenantName: "", home: settings.home, kind, version: "0", at: new Date(),
    }); // prettier-ignore
    await inTenant(database.app, before.tenantId, (tx) =>
      sql`update process set pid = ${pid}, start_time = ${startTime} where id = ${processId}`.execute(tx),
    );
  };
  const server = await sleeper(t);
  const worker = await sleeper(t);
  const command = await sleeper(t);
  await register("server", server);
  await register("worker", worker);
  await register("command", command);
  // Its end was not recorded, as where the database was away in that moment.
  await register("server", ownIdentity());

  const ended = await endEverything(settings, { services: false, log: silentLog });
  assert.equal(ended.processes, 2);
  assert.deepEqual([isAlive(server), isAlive(worker), isAlive(command)], [false, false, true]);
});

type Known = ReturnType<typeof ownIdentity>;

/** A process that only waits, by the identity that the house writes down. */
async function sleeper(t: { after(fn: () => Promise<unknown>): void }): Promise<Known> {
  const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000); console.log('up')"]);
  const gone = once(child, "exit");
  t.after(() => (child.kill("SIGKILL"), gone));
  await once(child.stdout, "data");
  const { bootId } = ownIdentity();
  return { pid: child.pid!, startTime: startTimeOf(child.pid!)!, bootId };
}
