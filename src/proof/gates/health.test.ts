import { deepEqual, equal, match } from "node:assert/strict";
import { once } from "node:events";
import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { test, type TestContext } from "node:test";
import { makeService } from "#proof/fixtures/make-service.ts";
import { freePort } from "#system/testing.ts";
import { askHealth, healthGate } from "./health.ts";

async function serve(t: TestContext, listener: RequestListener): Promise<number> {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    server.closeAllConnections();
    server.close();
  });
  return (server.address() as AddressInfo).port;
}

test("a service that answers 200 is healthy", async (t) => {
  const { input } = await makeService(t, { "SPEC.md": "# x" });
  const port = await serve(t, (request, response) =>
    response.writeHead(request.url === "/ready" ? 200 : 404).end("ok"),
  );
  const { ok, reasons, facts } = await healthGate.run(input({ port, healthPath: "/ready" }));
  deepEqual([ok, facts.health], [true, { url: `http://127.0.0.1:${port}/ready`, status: 200, attempts: 1 }]);
  match(reasons[0]!, /answered 200 in \d+ ms$/);
});

test("500, a redirect and an answer that never ends its headers are not healthy, each with its reason", async (t) => {
  const { input } = await makeService(t, { "SPEC.md": "# x" });
  const sick = await serve(t, (_request, response) => response.writeHead(500).end());
  const moved = await serve(t, (_request, response) =>
    response.writeHead(302, { location: "http://127.0.0.1:1/" }).end(),
  );
  const silent = await serve(t, () => {});
  const dripping = await serve(t, (_request, response) => void response.writeHead(200).write("a"));
  const reasonOf = async (port: number) => {
    const { ok, reasons } = await healthGate.run(input({ port, healthTimeoutMs: 300 }));
    equal(ok, false);
    return reasons[0]!;
  };
  match(await reasonOf(sick), /answered 500, not 200/);
  match(await reasonOf(moved), /answered 302, not 200/);
  match(await reasonOf(silent), /no answer within 0\.3 s/);
  match(await reasonOf(dripping), /no answer within 0\.3 s/);
});

test("an endless body does not keep the check waiting", async (t) => {
  const { input } = await makeService(t, { "SPEC.md": "# x" });
  const port = await serve(t, (_request, response) => {
    response.writeHead(200);
    const more = () => response.write("x".repeat(16 << 10), (error) => (error ? undefined : setImmediate(more)));
    more();
  });
  equal((await healthGate.run(input({ port }))).ok, true);
});

test("a service that comes up within the time is healthy, and one that does not is told", async (t) => {
  const { input } = await makeService(t, { "SPEC.md": "# x" });
  const free = await serve(t, () => {});
  const later = createServer((_request, response) => response.end("ok"));
  t.after(() => later.close());
  const port = await freePort();
  const nobody = await healthGate.run(input({ port, healthTimeoutMs: 200 }));
  deepEqual([nobody.ok, nobody.facts.kind], [false, "unhealthy"]);
  match(nobody.reasons[0]!, /nothing listens on port \d+, tried for 0\.2 s/);
  const waiting = healthGate.run(input({ port }));
  setTimeout(() => later.listen(port, "127.0.0.1"), 150);
  const { ok, facts } = await waiting;
  deepEqual([ok, facts.health!.attempts > 1, free > 0], [true, true, true]);
});

test("no port is a reason, not a pass", async (t) => {
  const { input } = await makeService(t, { "SPEC.md": "# x" });
  const { ok, reasons } = await healthGate.run(input());
  deepEqual([ok, reasons], [false, ["no port is known: state it in SPEC.md, steward.yaml or the registry"]]);
});

test("says whether the answer names the version that was looked for, in its body or its header", async (t) => {
  const asked = async (answer: RequestListener, mark: string) => {
    const port = await serve(t, answer);
    const signal = new AbortController().signal;
    return (await askHealth({ url: `http://127.0.0.1:${port}/health`, withinMs: 2_000, signal, mark })).facts.health;
  };
  const inBody = await asked((_request, response) => response.end('{"version":"3fa9c1"}'), "3fa9c1");
  const inHeader = await asked(
    (_request, response) => response.setHeader("x-service-version", "3fa9c1").end(),
    "3fa9c1",
  );
  const nowhere = await asked((_request, response) => response.end("well"), "3fa9c1");
  deepEqual([inBody?.marked, inHeader?.marked, nowhere?.marked], [true, true, false]);
});
