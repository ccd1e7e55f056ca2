import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer as createHttp } from "node:http";
import { createServer, type AddressInfo, type Server } from "node:net";
import { test, type TestContext } from "node:test";
import { Failure } from "#system/failure.ts";
import { reach } from "./reach.ts";
import { unreadableHome } from "./secret-file.ts";
import { openTestServer } from "./testing.ts";

async function listening(t: TestContext, server: Server): Promise<string> {
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  t.after(() => server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

const refusal = async (url: string): Promise<string> => {
  try {
    await reach({ url, pid: 4711 }, { patienceMs: 300 });
    return "reached";
  } catch (error) {
    assert.ok(error instanceof Failure && error.code === "unreachable");
    return error.message;
  }
};

test("a Steward is reached, also one that refuses", async (t) => {
  const { url, context } = await openTestServer(t);
  assert.equal(await refusal(url), "reached");
  assert.equal((await fetch(`${url}/api/status`)).headers.get("x-steward"), context.version);
});

test("another program at its address is named, and not taken for it", async (t) => {
  const url = await listening(
    t,
    createHttp((_request, response) => response.end("{}")),
  );
  assert.match(await refusal(url), /answers at http:.* and it is not Steward\. `steward doctor`/);
});

test("a server that is stuck, or that answers nobody, is said to be so", async (t) => {
  const sockets = new Set<{ destroy(): unknown }>();
  const mute = await listening(
    t,
    createServer((socket) => void sockets.add(socket)),
  );
  t.after(() => sockets.forEach((socket) => socket.destroy()));
  assert.match(await refusal(mute), /\(process 4711\) lives and has not answered for 0\.3 s/);
  const gone = createServer();
  const url = await listening(t, gone);
  gone.close();
  await once(gone, "close");
  assert.match(await refusal(url), /\(process 4711\) lives and does not answer at/);
});

test("a folder of Steward's that belongs to another user is not said to be empty", () => {
  const denied = Object.assign(new Error("no"), { code: "EACCES" });
  const told = unreadableHome("/home/ada/steward", denied);
  assert.ok(told instanceof Failure && told.code === "forbidden");
  assert.match(told.message, /\/home\/ada\/steward is not yours to read/);
  const other = Object.assign(new Error("no"), { code: "EIO" });
  assert.equal(unreadableHome("/x", other), other);
});
