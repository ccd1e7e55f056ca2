import assert from "node:assert/strict";
import { after, before, test } from "node:test";
import pg from "pg";
import fastify from "fastify";
import { inTenant } from "#db/db.ts";
import { append } from "#ledger/append.ts";
import { followEvents } from "#http/follow-events.ts";
import { openEventStream } from "./event-stream.ts";
import { openTestServer, type TestServer } from "./testing.ts";

let server: TestServer;
let end = async () => {};
before(async () => {
  server = await openTestServer({ after: (fn) => void (end = fn) });
  await server.seal();
});
after(() => end());

/** Something that happened, sealed at once. */
async function happen(count = 1): Promise<number> {
  await inTenant(server.database.app, server.tenantId, (tx) =>
    append(
      tx,
      { actor: "test", at: new Date() },
      ...Array.from({ length: count }, (_, n) => ({
        type: "item.gone" as const,
        subject: `s${n}`,
        line: "service",
        key: `k${n}`,
      })),
    ),
  );
  await server.seal();
  return (await server.client.house.status()).cursor;
}

/** Reads a stream until it has this many events, then leaves. */
async function take(
  count: number,
  { after: from, headers = {} }: { after?: number; headers?: Record<string, string> },
) {
  const leaving = new AbortController();
  const path = from === undefined ? "/api/events/stream" : `/api/events/stream?after=${from}`;
  const response = await server.ask(path, { signal: leaving.signal, headers });
  assert.equal(response.status, 200);
  assert.match(response.headers.get("content-type") ?? "", /^text\/event-stream/);
  let text = "";
  const ids: number[] = [];
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    ids.splice(0, ids.length, ...[...text.matchAll(/^id: (\d+)$/gm)].map((match) => Number(match[1])));
    if (ids.length >= count) break;
  }
  leaving.abort();
  return ids;
}

const range = (from: number, to: number) => Array.from({ length: to - from + 1 }, (_, n) => from + n);

test("a stream gives what came after the cursor, in order, and then what happens", async () => {
  const from = (await server.client.house.status()).cursor;
  await happen(3);
  const taking = take(5, { after: from });
  await happen(2);
  assert.deepEqual(await taking, range(from + 1, from + 5));
});

test("whoever comes back with the last id misses nothing and sees nothing twice", async () => {
  const from = (await server.client.house.status()).cursor;
  await happen(1_200);
  const first = await take(700, { after: from });
  // The address is the old one, as a browser's is; the header wins.
  const second = await take(1_200 - first.length, { after: from, headers: { "last-event-id": String(first.at(-1)) } });
  assert.deepEqual([...first, ...second], range(from + 1, from + 1_200));
});

test("a stream outlives the loss of every database connection", async () => {
  const from = (await server.client.house.status()).cursor;
  const leaving = new AbortController();
  const got: number[] = [];
  const reading = (async () => {
    for await (const { seq } of followEvents({
      url: server.url,
      token: server.token,
      after: from,
      signal: leaving.signal,
    })) {
      got.push(seq);
      if (got.length === 2) leaving.abort();
    }
  })();
  await happen();
  while (got.length < 1) await new Promise((resolve) => setTimeout(resolve, 5));
  const admin = new pg.Client({ connectionString: server.adminUrl });
  await admin.connect();
  await admin.query(
    "select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and pid <> pg_backend_pid()",
  );
  await admin.end();
  await happenWhenBack();
  await reading;
  assert.deepEqual(got, [from + 1, from + 2]);
});

/** The pool may hand out a connection that has not heard of its end yet. */
async function happenWhenBack(): Promise<void> {
  await server.database.wait();
  for (let attempt = 0; ; attempt++) {
    try {
      return void (await happen());
    } catch (error) {
      if (attempt === 20) throw error;
    }
  }
}

test("a quiet stream shows that it lives, and ends with the server", async () => {
  const stream = await openEventStream(server.context, { heartbeatMs: 1 });
  const app = fastify({ forceCloseConnections: "idle" });
  app.addHook("preClose", () => stream.close());
  app.get("/", (request, reply) => stream.follow(request, reply));
  const url = await app.listen({ host: "127.0.0.1", port: 0 });
  const response = await fetch(url);
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    if (/still here/.test(text)) await app.close();
  }
  assert.match(text, /^retry: 1000\n/);
});

test("the ledger is read by cursor, also of one subject alone", async () => {
  const from = (await server.client.house.status()).cursor;
  await happen(3);
  const { events, next } = await server.client.events.list({ after: from, limit: 2 });
  assert.deepEqual(
    events.map(({ seq }) => seq),
    [from + 1, from + 2],
  );
  assert.deepEqual(
    (await server.client.events.list({ after: next })).events.map(({ seq }) => seq),
    [from + 3],
  );
  const { events: found } = await server.client.events.list({ after: from, subject: "s2" });
  assert.deepEqual(
    found.map(({ body }) => body.key),
    ["k2"],
  );
});
