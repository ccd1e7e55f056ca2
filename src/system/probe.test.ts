import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import { test, type TestContext } from "node:test";
import { probe } from "./probe.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<string> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  const address = server.address();
  return `http://127.0.0.1:${typeof address === "object" && address ? address.port : 0}/health`;
}

test("200 is well, and how long it took is told", async (t) => {
  const result = await probe(await serve(t, (_, response) => response.end("well")));
  assert.deepEqual([result.ok, result.status], [true, 200]);
  assert.ok(result.latencyMs > 0 && result.latencyMs < 5_000);
});

test("anything else is not, and the reason says what was seen", async (t) => {
  for (const status of [204, 302, 404, 503]) {
    const url = await serve(t, (_, response) => response.writeHead(status, { location: "/elsewhere" }).end());
    const result = await probe(url);
    assert.equal(result.ok, false);
    assert.match(result.reason, new RegExp(`answered ${status}, not 200`));
  }
});

test("no answer, half an answer and a broken one are failures within the time", async (t) => {
  const silent = await probe(await serve(t, () => {}), { timeoutMs: 60 });
  assert.match(silent.reason, /not answered within 0\.06 s/);
  // Long enough for its half to arrive on a machine that is busy.
  const half = await probe(await serve(t, (_, response) => response.writeHead(200).write("we")), { timeoutMs: 1_000 });
  assert.deepEqual([half.ok, half.status], [false, 200]);
  const broken = await probe(await serve(t, (request) => request.socket.destroy()));
  assert.equal(broken.ok, false);
});

test("a body without end is not read to its end", async (t) => {
  let sent = 0;
  const url = await serve(t, (_, response) => {
    const piece = "x".repeat(16_384);
    const more = () => {
      while (!response.destroyed && response.write(piece)) sent += 1;
    };
    response.on("drain", more);
    more();
  });
  assert.equal((await probe(url)).ok, true);
  assert.ok(sent < 10_000);
});

test("a port that nobody has, and what is no address, are failures and not exceptions", async () => {
  assert.match((await probe("http://127.0.0.1:1/health")).reason, /nothing listens there/);
  assert.match((await probe("not a url")).reason, /cannot be asked/);
  assert.match((await probe("ftp://127.0.0.1/")).reason, /cannot be asked/);
});
