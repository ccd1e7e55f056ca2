import assert from "node:assert/strict";
import { appendFile, mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { runFolderOf } from "#agents/work/run-folder.ts";
import { inTenant } from "#db/db.ts";
import { claim } from "#dispatch/claim.ts";
import { report } from "#dispatch/report.ts";
import { candidate, firstAgent, makeTicket } from "#dispatch/testing.ts";
import { openTestServer } from "./testing.ts";

test("a run's output is read from a byte on, whole lines only, until the run has ended", async (t) => {
  const server = await openTestServer(t);
  const ticketId = await makeTicket(server);
  const [claimed] = await claim(server.database.app, {
    tenantId: server.tenantId, capability: "builder", candidates: [candidate(server.agentId)],
    hostId: server.hostId, processId: server.processId, now: new Date(), rank: firstAgent,
  }); // prettier-ignore
  const { runId: id, fence } = claimed!;
  const { folder } = runFolderOf(server.home, id);
  await mkdir(folder, { recursive: true });
  const frame = (text: string) => `${JSON.stringify({ at: "2026-01-01T00:00:00.000Z", stream: "stdout", text })}\n`;
  await writeFile(join(folder, "output.log"), `${frame("one\n")}${frame("two\n")}{"at":"20`);
  const first = await server.client.runs.output({ id });
  assert.deepEqual([first.frames.map(({ text }) => text), first.ended], [["one\n", "two\n"], false]);
  await writeFile(join(folder, "output.log"), `${frame("one\n")}${frame("two\n")}${frame("three\n")}`);
  const second = await server.client.runs.output({ id, from: first.next });
  assert.deepEqual(
    second.frames.map(({ text }) => text),
    ["three\n"],
  );
  await inTenant(server.database.app, server.tenantId, (tx) =>
    report(tx, new Date(), [{ outcome: "done", ticketId, runId: id, fence, agent: "tester" }]),
  );
  assert.deepEqual(await server.client.runs.output({ id, from: second.next }), {
    frames: [],
    next: second.next,
    ended: true,
  });
});

test("a release's log is read from its end, then as it grows, and anew when it was cut", async (t) => {
  const server = await openTestServer(t);
  assert.deepEqual(await server.client.services.log({ name: "quotes" }), { file: null, text: "", next: 0 });
  const file = join(server.folder, "v1.log");
  server.context.commands.productionLog = () => Promise.resolve(file);
  assert.deepEqual(await server.client.services.log({ name: "quotes" }), { file, text: "", next: 0 });
  await writeFile(file, `${"x".repeat(20_000)}end`);
  const tail = await server.client.services.log({ name: "quotes" });
  assert.deepEqual([tail.text.length, tail.text.slice(-3)], [16 * 1024, "end"]);
  await appendFile(file, " more");
  assert.equal((await server.client.services.log({ name: "quotes", from: tail.next })).text, " more");
  await writeFile(file, "anew");
  assert.equal((await server.client.services.log({ name: "quotes", from: tail.next })).text, "anew");
});
