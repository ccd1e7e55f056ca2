import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { test } from "node:test";
import { agentTarget, type Hired } from "./agent.ts";

const settings = { service: "quotes", publicPort: 0 };

const targetOf = (url: string, hosts: string[] = []) => {
  const hired: Hired = { version: "v1", agent: "ship", url, stop: "flyctl stop", rollback: null };
  return agentTarget({ hired: async () => hired, hosts: () => hosts });
};

test("what runs elsewhere is asked, where it may be asked, and by the path that its owner states", async (t) => {
  const server = createServer((request, response) => response.writeHead(request.url === "/ready" ? 200 : 503).end());
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const target = targetOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  assert.equal((await target.status({ ...settings, healthPath: "/ready" })).healthy, true);
  const sick = await target.status(settings);
  assert.deepEqual([sick.healthy, sick.stopped, sick.gone], [false, false, false]);
  assert.match(sick.reason, /\/health answered 503/);
  const withdrawn = await targetOf("https://quotes.example.org").status(settings);
  assert.match(withdrawn.reason, /is not asked: it is none of these.*deploy_hosts/);
});

test("Steward changes nothing of it, and ends it only in the books, once it is silent", async (t) => {
  const server = createServer((_request, response) => response.end());
  await once(server.listen(0, "127.0.0.1"), "listening");
  t.after(() => server.close());
  const target = targetOf(`http://127.0.0.1:${(server.address() as AddressInfo).port}`);
  await assert.rejects(
    target.restart(settings, () => {}),
    /does not run it and cannot restart it/,
  );
  await assert.rejects(
    target.rollback({ settings, because: "" }, () => {}),
    /cannot take it back/,
  );
  await assert.rejects(target.stop(settings, { forGood: true }), /cannot end it.*\(ship said: flyctl stop\)/);
  server.closeAllConnections();
  server.close();
  await once(server, "close");
  await target.stop(settings, { forGood: true });
});
