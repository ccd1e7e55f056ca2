import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { claim } from "#dispatch/claim.ts";
import { candidate, firstAgent, makeTicket } from "#dispatch/testing.ts";
import { runKeyFor, runKeySecret } from "#http/run-key.ts";
import { openTestServer } from "#http/testing.ts";
import { runSteward } from "./testing.ts";

test("an agent speaks for its run with what it finds in its environment", async (t) => {
  const server = await openTestServer(t);
  await makeTicket(server);
  const [claimed] = await claim(server.database.app, {
    tenantId: server.tenantId, capability: "builder", candidates: [candidate(server.agentId)],
    hostId: server.hostId, processId: server.processId, now: new Date(), rank: firstAgent,
  }); // prettier-ignore
  const { runId, fence } = claimed!;
  const file = join(server.folder, "report.json");
  const env = {
    STEWARD_URL: server.url,
    STEWARD_RUN: runId,
    STEWARD_RUN_KEY: runKeyFor(await runKeySecret(server.home), runId, fence),
    STEWARD_REPORT_FILE: file,
  };
  assert.equal((await runSteward(["heartbeat"], { env })).code, 0);
  const progressed = await runSteward(["progress", "12 of 15 tests pass", "--percent", "80", "--json"], { env });
  assert.deepEqual([progressed.code, progressed.stdout, progressed.stderr], [0, '{\n  "ok": true\n}\n', ""]);
  assert.equal((await server.client.runs.get({ id: runId })).percent, 80);
  assert.equal((await runSteward(["report", "refused", "not mine", "too big"], { env })).code, 0);
  assert.deepEqual(JSON.parse(await readFile(file, "utf8")), { outcome: "refused", reasons: ["not mine", "too big"] });

  await server.server.stop();
  assert.equal((await runSteward(["progress", "on"], { env })).code, 6);
  // The file is what counts at the end, and it needs no server.
  const late = await runSteward(["report", "done"], { env });
  assert.equal(late.code, 0, late.stderr);
  assert.deepEqual(JSON.parse(await readFile(file, "utf8")), { outcome: "done", reasons: [] });
  assert.equal((await runSteward(["report", "done"], { env: { ...env, STEWARD_REPORT_FILE: "" } })).code, 6);
});
