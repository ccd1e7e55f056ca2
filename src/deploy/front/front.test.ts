import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtemp, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { Agent, createServer as createHttp, get } from "node:http";
import { connect, createServer, type Server, type Socket } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, test, type TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { freePort, removeFolder } from "#system/testing.ts";
import { endFront, pointFront, readFront, type FrontTarget } from "./point-front.ts";

async function front(t: TestContext, { retryMs = 2_000, maxBytes = 10_000 } = {}) {
  const folder = await mkdtemp(join(tmpdir(), "steward-front-"));
  t.after(async () => {
    await endFront(folder);
    await removeFolder(folder);
  });
  const publicPort = await freePort();
  const logs = { folder, maxBytes, keep: 2, lookMs: 50 };
  const point = (target: FrontTarget) =>
    pointFront(folder, { host: "127.0.0.1", publicPort, target, retryMs, quietMs: 100, logs });
  const reach = async () => {
    const socket = connect({ port: publicPort, host: "127.0.0.1", allowHalfOpen: true });
    t.after(() => socket.destroy());
    await once(socket, "connect");
    return socket;
  };
  return { folder, publicPort, point, reach };
}

/** A release that says its name to whatever it hears, after it heard the end. */
async function release(t: TestContext, version: string, onSocket?: (socket: Socket) => void, port = 0) {
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (socket) => {
    sockets.add(socket);
    socket.on("error", () => {});
    (
      onSocket ??
      ((one) => void one.on("data", (chunk) => one.write(`${version}:${String(chunk)}`)).on("end", () => one.end()))
    )(socket);
  }).listen(port, "127.0.0.1");
  await once(server, "listening");
  t.after(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return { target: { run: version, version, port: portOf(server) }, sockets, server };
}

function portOf(server: Server): number {
  const address = server.address();
  return typeof address === "object" && address ? address.port : 0;
}

async function say(socket: Socket, text: string): Promise<string> {
  socket.write(text);
  const [answer] = await once(socket, "data");
  return String(answer);
}

async function textOf(socket: Socket): Promise<string> {
  let text = "";
  for await (const chunk of socket) text += chunk;
  return text;
}

// Each has its own folder, ports and front.
describe("a front", { concurrency: 4 }, () => {
  test("an open connection stays with the old release, a new one goes to the new", async (t) => {
    const { point, reach } = await front(t);
    await point((await release(t, "v1")).target);
    const old = await reach();
    assert.equal(await say(old, "a"), "v1:a");
    const state = await point((await release(t, "v2")).target);
    assert.deepEqual(
      state.draining.map(({ run, open }) => [run, open]),
      [["v1", 1]],
    );
    assert.equal(await say(await reach(), "b"), "v2:b");
    assert.equal(await say(old, "c"), "v1:c");
  });

  test("it says when the last connection of the old release has gone", async (t) => {
    const { folder, point, reach } = await front(t);
    await point((await release(t, "v1")).target);
    const old = await reach();
    await say(old, "a");
    await point((await release(t, "v2")).target);
    old.destroy();
    while ((await readFront(folder))?.draining.length !== 0) await pause(10);
  });

  test("a kept-alive HTTP connection goes to the new release with its next request", async (t) => {
    const { publicPort, point } = await front(t);
    const serve = async (version: string) => {
      const server = createHttp((_, response) => response.end(version)).listen(0, "127.0.0.1");
      await once(server, "listening");
      t.after(() => {
        server.closeAllConnections();
        server.close();
      });
      return { run: version, version, port: portOf(server) };
    };
    await point(await serve("v1"));
    const agent = new Agent({ keepAlive: true, maxSockets: 1 });
    t.after(() => agent.destroy());
    const ask = async () => {
      const request = get({ port: publicPort, host: "127.0.0.1", agent });
      const [response] = await once(request, "response");
      let text = "";
      for await (const chunk of response) text += chunk;
      return [text, request.reusedSocket];
    };
    assert.deepEqual(await ask(), ["v1", false]);
    await point(await serve("v2"));
    assert.deepEqual(await ask(), ["v2", true]);
  });

  test("an upgraded connection is never moved, whatever it sends", async (t) => {
    const { point, reach } = await front(t);
    const upgrading = (socket: Socket) =>
      void socket.on("data", (chunk) =>
        socket.write(String(chunk).includes("Upgrade") ? "HTTP/1.1 101 Switching\r\n\r\n" : "old"),
      );
    await point((await release(t, "v1", upgrading)).target);
    const socket = await reach();
    assert.match(await say(socket, "GET / HTTP/1.1\r\nUpgrade: websocket\r\n\r\n"), /101/);
    await point((await release(t, "v2")).target);
    assert.equal(await say(socket, "GET / HTTP/1.1\r\n\r\n"), "old");
  });

  test("a connection waits for a release that refuses, and is closed when it does not come", async (t) => {
    const { point, reach } = await front(t, { retryMs: 400 });
    const gone = await release(t, "v1");
    await point(gone.target);
    gone.server.close();
    await once(gone.server, "close");
    const early = await reach();
    early.write("hello");
    await pause(100);
    await release(t, "back", undefined, gone.target.port);
    const [answer] = await once(early, "data");
    assert.equal(String(answer), "back:hello");

    await point({ run: "none", version: "none", port: 0 });
    const startedAt = performance.now();
    const hopeless = await reach();
    await assert.rejects(once(hopeless, "end"), { code: "ECONNRESET" });
    assert.ok(performance.now() - startedAt >= 350);
  });

  test("a client that has said all still gets its answer", async (t) => {
    const { point, reach } = await front(t);
    const answering = (socket: Socket) => void textOf(socket).then((text) => socket.end(`heard ${text.length}`));
    await point((await release(t, "v1", answering)).target);
    const socket = await reach();
    socket.end("x".repeat(1_000_000));
    assert.equal(await textOf(socket), "heard 1000000");
  });

  test("a reset on one side is a reset on the other", async (t) => {
    const { point, reach } = await front(t);
    const told = Promise.withResolvers<unknown>();
    const v1 = await release(t, "v1", (socket) => {
      socket.on("data", (chunk) => (String(chunk) === "die" ? socket.resetAndDestroy() : socket.write("ok")));
      socket.on("error", told.resolve);
    });
    await point(v1.target);
    const dying = await reach();
    dying.write("die");
    await assert.rejects(once(dying, "end"), { code: "ECONNRESET" });
    const killing = await reach();
    await say(killing, "hello");
    killing.resetAndDestroy();
    assert.match(String(await told.promise), /ECONNRESET/);
  });

  test("a slow reader stops a fast sender instead of filling the memory", async (t) => {
    const { folder, point, reach } = await front(t);
    let sent = 0;
    const piece = Buffer.alloc(65_536);
    const flooding = (socket: Socket) => {
      const more = () => {
        while (!socket.destroyed && socket.write(piece)) sent += piece.length;
      };
      socket.on("drain", more);
      more();
    };
    await point((await release(t, "v1", flooding)).target);
    const before = await ownMemory(folder);
    const socket = await reach();
    socket.pause();
    let last = -1;
    while (last !== sent) {
      last = sent;
      await pause(150);
    }
    assert.ok(sent < 64 * 1024 * 1024, `${sent} bytes were taken`);
    if (process.platform === "linux") {
      assert.ok(before < 20 * 1024, `${before} KiB at rest`);
      assert.ok((await ownMemory(folder)) < before + 10 * 1024);
    }
  });

  test("logs are kept small, the newest lines last", async (t) => {
    const { folder, point } = await front(t, { maxBytes: 10_000 });
    await writeFile(join(folder, "v1.log"), `${"old\n".repeat(50_000)}newest\n`);
    await point((await release(t, "v1")).target);
    while ((await stat(join(folder, "v1.log"))).size > 0) await pause(10);
    const kept = await readFile(join(folder, "v1.log.1"), "utf8");
    assert.ok(kept.length === 10_000 && kept.endsWith("newest\n"));
    await writeFile(join(folder, "v1.log"), "x".repeat(20_000), { flag: "a" });
    while ((await stat(join(folder, "v1.log"))).size > 0) await pause(10);
    const names = await readdir(folder);
    assert.deepEqual(names.filter((name) => name.startsWith("v1.log")).toSorted(), ["v1.log", "v1.log.1", "v1.log.2"]);
  });

  test("a broken target file leaves it serving as before", async (t) => {
    const { folder, point, reach } = await front(t);
    const { pid } = await point((await release(t, "v1")).target);
    await writeFile(join(folder, "target.json"), "{");
    process.kill(pid, "SIGHUP");
    assert.equal(await say(await reach(), "a"), "v1:a");
    assert.equal((await readFront(folder))?.pid, pid);
  });

  test("two that start it at once get the same one", async (t) => {
    const { point, reach } = await front(t);
    const { target } = await release(t, "v1");
    const states = await Promise.all(
      [point(target), point(target)].map((one) => one.catch((error: Error) => error.message)),
    );
    const pids = states.flatMap((state) => (typeof state === "string" ? [] : [state.pid]));
    assert.ok(pids.length >= 1 && new Set(pids).size === 1, JSON.stringify(states));
    assert.equal(await say(await reach(), "a"), "v1:a");
  });
});

/** KiB that are the process's own: Node's code is shared with every other Node on the machine. */
async function ownMemory(folder: string): Promise<number> {
  if (process.platform !== "linux") return 0;
  const state = await readFront(folder);
  const text = await readFile(`/proc/${state?.pid}/smaps_rollup`, "utf8");
  return Number(/^Private_Dirty:\s+(\d+)/m.exec(text)?.[1]);
}
