import assert from "node:assert/strict";
import { once } from "node:events";
import { request } from "node:http";
import { connect } from "node:net";
import { stat } from "node:fs/promises";
import { join } from "node:path";
import { text } from "node:stream/consumers";
import { after, before, test } from "node:test";
import { pino } from "pino";
import { inTenant } from "#db/db.ts";
import { eventsOf, makeItem } from "#dispatch/testing.ts";
import { ask } from "#policy/approvals.ts";
import { Failure, type FailureCode } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { clientFor } from "./client.ts";
import { failureStatus } from "./failure-status.ts";
import { startServer } from "./server.ts";
import { findServer } from "./server-file.ts";
import { openTestServer, type TestServer } from "./testing.ts";

let server: TestServer;
let end = async () => {};
const logged: string[] = [];
before(async () => {
  const log = pino({ level: "info" }, { write: (line: string) => void logged.push(line) });
  server = await openTestServer({ after: (fn) => void (end = fn) }, { log });
});
after(() => end());

const within = <T>(work: Parameters<typeof inTenant<T>>[2]) => inTenant(server.database.app, server.tenantId, work);
const bodyOf = async (response: Response) => (await response.json()) as { code: string; message: string };

/** What `fetch` does not let a caller choose: the Host. */
async function rawStatus(
  path: string,
  { method = "GET", headers = {} }: { method?: string; headers?: Record<string, string> },
): Promise<number> {
  const sent = request(`${server.url}${path}`, {
    method,
    headers: { authorization: `Bearer ${server.token}`, ...headers },
  });
  sent.end();
  return new Promise((resolve, reject) => {
    sent.on("error", reject);
    sent.on("response", (response) => void text(response).then(() => resolve(response.statusCode ?? 0), reject));
  });
}

test("who brings no token is told where it is, and a wrong one opens nothing", async () => {
  const { url, home, token, ask: asked } = server;
  for (const path of ["/api/status", "/api/openapi.json", "/api/events/stream", "/api/nothing"]) {
    const refused = await fetch(`${url}${path}`);
    assert.equal(refused.status, 401, path);
    assert.equal(refused.headers.get("www-authenticate"), "Bearer");
    assert.match((await bodyOf(refused)).message, /token/);
  }
  for (const wrong of [`${token}x`, token.slice(1), "", "run_x"]) {
    const { status } = await fetch(`${url}/api/status`, { headers: { authorization: `Bearer ${wrong}` } });
    assert.ok(status === 401 || status === 403, wrong);
  }
  assert.equal((await asked("/api/status")).status, 200);
  assert.equal((await stat(join(home, "token"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(home, "run-key-secret"))).mode & 0o777, 0o600);
  assert.equal((await stat(join(home, "server.json"))).mode & 0o777, 0o600);
});

test("health needs no token, and neither does the page", async () => {
  assert.deepEqual(await (await fetch(`${server.url}/api/health`)).json(), { ok: true, version: "0.0.0-test" });
  assert.match(await (await fetch(`${server.url}/`)).text(), /<h1>Steward<\/h1>/);
  assert.equal((await fetch(`${server.url}/`, { method: "POST" })).status, 401);
});

test("another name for this machine is refused, so that no web page can be pointed here", async () => {
  const { port } = new URL(server.url);
  for (const host of [
    `evil.example:${port}`,
    "evil.example",
    "127.0.0.1.evil.example",
    "0.0.0.0",
    "localhost.evil:80",
  ]) {
    assert.equal(await rawStatus("/api/status", { headers: { host } }), 403, host);
    assert.equal(await rawStatus("/", { headers: { host } }), 403, host);
  }
  for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, "[::1]:9", "LOCALHOST"]) {
    assert.equal(await rawStatus("/api/health", { headers: { host } }), 200, host);
  }
});

test("a write from a page of another site is refused, and nothing is opened to other origins", async () => {
  const { host } = new URL(server.url);
  const write = (headers: Record<string, string>) => rawStatus("/api/sweep", { method: "POST", headers });
  assert.equal(await write({ origin: "http://evil.example" }), 403);
  assert.equal(await write({ origin: "null" }), 403);
  assert.equal(await write({ "sec-fetch-site": "cross-site" }), 403);
  assert.equal(await write({ origin: `http://${host}`, "sec-fetch-site": "same-origin" }), 200);
  const read = await server.ask("/api/status", { headers: { origin: "http://evil.example" } });
  assert.equal(read.headers.get("access-control-allow-origin"), null);
});

test("a GET never decides: only a POST answers a question, once, and its ledger says who", async () => {
  const id = await within((tx) =>
    ask(
      tx,
      { actor: "test", at: new Date() },
      { kind: "spend", itemId: server.itemId, question: "Spend it?", why: "it costs", payload: { usd: uuidv7() } },
    ),
  );
  for (const path of [
    `/api/approvals/${id}/approve`,
    `/api/approvals/${id}/decline`,
    `/api/approvals/${id}`,
    "/api/sweep",
    "/api/switches",
  ]) {
    assert.equal((await server.ask(path)).status, 404, path);
  }
  assert.equal((await server.client.approvals.list()).approvals.find((one) => one.id === id)?.state, "open");
  assert.deepEqual(await server.client.approvals.approve({ id }), { id, decision: "approved", question: "Spend it?" });
  await assert.rejects(server.client.approvals.decline({ id }), {
    name: "Failure",
    code: "conflict",
    message: /approved already/,
  });
  assert.deepEqual(await eventsOf(server, id), ["approval.asked", "approval.decided"]);
});

test("each failure has its status, and its message arrives as it was thrown", async () => {
  const { look } = server.context.commands;
  const codes = Object.keys(failureStatus) as FailureCode[];
  try {
    for (const code of codes) {
      server.context.commands.look = () => Promise.reject(new Failure(code, `It is ${code}. Do this next.`));
      const response = await server.ask("/api/sweep", { method: "POST" });
      assert.equal(response.status, failureStatus[code], code);
      assert.deepEqual(await bodyOf(response), { code, message: `It is ${code}. Do this next.` });
      await assert.rejects(server.client.house.sweep(), {
        name: "Failure",
        code,
        message: `It is ${code}. Do this next.`,
      });
    }
  } finally {
    server.context.commands.look = look;
  }
});

test("a bug is logged whole and shown as internal", async () => {
  const { look } = server.context.commands;
  server.context.commands.look = () => Promise.reject(new Error("the password is swordfish"));
  try {
    const response = await server.ask("/api/sweep", { method: "POST" });
    assert.equal(response.status, 500);
    const body = await bodyOf(response);
    assert.equal(body.code, "internal");
    assert.doesNotMatch(JSON.stringify(body), /swordfish/);
    assert.match(logged.join(""), /swordfish/);
  } finally {
    server.context.commands.look = look;
  }
});

test("only JSON of a bounded size is read, and what is wrong with it is named", async () => {
  const post = async (body: string, type = "application/json") => {
    const response = await server.ask("/api/switches", { method: "POST", body, headers: { "content-type": type } });
    return { status: response.status, ...(await bodyOf(response)) };
  };
  assert.equal((await post("scope=everything", "application/x-www-form-urlencoded")).status, 415);
  assert.equal((await post("{}", "text/plain")).status, 415);
  assert.equal((await post("{ not json")).status, 400);
  assert.equal((await post(JSON.stringify({ scope: "everything", reason: "x".repeat(1_100_000) }))).status, 413);
  const wrong = await post(JSON.stringify({ scope: "universe" }));
  assert.equal(wrong.status, 400);
  assert.match(wrong.message, /^scope: /);
  assert.equal((await server.client.house.status()).switches.length, 0);
});

test("a service is shown with its history, and what is not there is not found", async () => {
  const name = "two words ünïcode";
  await makeItem(server, { key: name });
  const shown = await server.client.services.get({ name });
  assert.equal(shown.name, name);
  assert.deepEqual([shown.tickets, shown.runs, shown.verdicts, shown.ticket, shown.run], [[], [], [], null, null]);
  await assert.rejects(server.client.services.get({ name: "nobody" }), {
    code: "not_found",
    message: /nobody.*steward status/s,
  });
  await assert.rejects(server.client.tickets.get({ id: uuidv7() }), { code: "not_found" });
  await assert.rejects(server.client.runs.get({ id: uuidv7() }), { code: "not_found" });
});

test("a secret goes in and only its name comes out", async () => {
  await server.client.secrets.set({ name: "quotes", secret: "API_KEY", value: "hunter2" });
  assert.equal(server.secrets.get("quotes API_KEY"), "hunter2");
  const listed = await server.ask("/api/services/quotes/secrets");
  assert.equal(await listed.text(), '{"names":["API_KEY"]}');
  await assert.rejects(server.client.secrets.set({ name: "quotes", secret: "not a name", value: "x" }), {
    code: "invalid",
    message: /secret/,
  });
  await server.client.secrets.remove({ name: "quotes", secret: "API_KEY" });
  assert.equal(server.secrets.size, 0);
});

test("a taken port is named with who holds it, and leaves nothing behind", async (t) => {
  const port = Number(new URL(server.url).port);
  await assert.rejects(startServer({ ...server.context, home: join(server.folder, "second"), port }), {
    code: "conflict",
    message: new RegExp(`Port ${port} is used.*STEWARD_PORT`, "s"),
  });
  assert.equal(await findServer(join(server.folder, "second")), null);
  assert.equal((await findServer(server.home))?.pid, process.pid);
  t.diagnostic("the server that was there still answers");
  assert.equal((await fetch(`${server.url}/api/health`)).status, 200);
});

test("a stopped server answers nobody, says so in no file, and may be stopped twice", async (t) => {
  const other = await openTestServer(t);
  await Promise.all([other.server.stop(), other.server.stop()]);
  assert.equal(await findServer(other.home), null);
  await assert.rejects(clientFor({ url: other.url, credential: other.token, version: "test" }).house.status(), {
    code: "unreachable",
    message: /steward doctor/,
  });
});

test("whoever does not read its answer to the end does not keep the server from stopping", async (t) => {
  const other = await openTestServer(t);
  const socket = connect(Number(new URL(other.url).port), "127.0.0.1").on("error", () => {});
  t.after(() => socket.destroy());
  socket.write("GET / HTTP/1.1\r\nhost: 127.0.0.1\r\n\r\n".repeat(400));
  await once(socket, "readable");
  const began = performance.now();
  await other.server.stop();
  assert.ok(performance.now() - began < 20_000);
});

test("a program that asks without end is slowed down, and the owner is not", async (t) => {
  const other = await openTestServer(t);
  const statuses = new Map<number, number>();
  for (let sent = 0; sent < 650; sent += 50) {
    const batch = await Promise.all(
      Array.from({ length: 50 }, () =>
        fetch(`${other.url}/api/health`).then(({ status, body }) => (void body?.cancel(), status)),
      ),
    );
    for (const status of batch) statuses.set(status, (statuses.get(status) ?? 0) + 1);
  }
  assert.deepEqual(Object.fromEntries(statuses), { 200: 600, 429: 50 });
  assert.equal((await other.client.house.status()).counts.services, 1);
});
