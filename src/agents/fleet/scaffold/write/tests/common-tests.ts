import type { Plan, Route } from "#agents/fleet/scaffold/plan/plan.ts";
import { sample, clientFields } from "#agents/fleet/scaffold/plan/samples.ts";
import { COMMON } from "#agents/fleet/scaffold/plan/titles.ts";
import { quoted, source } from "#agents/fleet/scaffold/write/text.ts";

export const helpersJs = String.raw`import { spawn } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import path from "node:path";
import { fileURLToPath } from "node:url";
import { startService } from "../src/service.js";

const MAIN = fileURLToPath(new URL("../src/main.js", import.meta.url));

/** A folder of its own for one test, removed after it. */
export async function temporaryFolder(test) {
  const folder = await mkdtemp(path.join(tmpdir(), "service-test-"));
  test.after(() => rm(folder, { recursive: true, force: true }));
  return folder;
}

/** Starts the real service for one test, on a free port; returns "call", which asks it. */
export async function start(test) {
  const service = await startService({ port: 0, host: "127.0.0.1", dataDir: await temporaryFolder(test) });
  test.after(() => service.stop());
  return caller(service.url);
}

/** call(method, path, body, type): a body that is not a text is sent as JSON. */
export function caller(url) {
  return async (method, path, body, type = "application/json") => {
    const sent = body === undefined ? {} : { body: typeof body === "string" ? body : JSON.stringify(body), headers: { "content-type": type } };
    const answer = await fetch(url + path, { method, redirect: "manual", ...sent });
    const text = await answer.text();
    return { status: answer.status, headers: answer.headers, body: text === "" ? undefined : JSON.parse(text) };
  };
}

/** Starts the program itself; resolves when it says where it listens. "end" sends a signal and waits for the exit. */
export async function startProgram(test, dataDir) {
  const child = spawn(process.execPath, [MAIN], { env: { ...process.env, PORT: "0", HOST: "127.0.0.1", DATA_DIR: dataDir } });
  const exit = new Promise((resolve) => child.once("exit", (code, signal) => resolve({ code, signal })));
  test.after(() => child.kill("SIGKILL"));
  const url = await new Promise((resolve, reject) => {
    child.stdout.on("data", (text) => resolve(String(text).trim().split(" ").at(-1)));
    child.stderr.on("data", (text) => reject(new Error(String(text))));
  });
  const end = (signal) => {
    child.kill(signal);
    return exit;
  };
  return { url, call: caller(url), end };
}
`;

export const storeTestJs = `import assert from "node:assert/strict";
import { appendFile, readFile, truncate, writeFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { openStore } from "../src/store.js";
import { temporaryFolder } from "./helpers.js";

const put = (store, key, record) => store.change(() => ({ key, record }));

test(${quoted(COMMON.torn)}, async (t) => {
  const folder = await temporaryFolder(t);
  const file = path.join(folder, "things.journal");
  for (const tail of ['{"key":"b","rec', '{"key":"b","rec\\n']) {
    const before = await openStore(folder, "things");
    await put(before, "a", { name: "first" });
    await before.close();
    await appendFile(file, tail);
    const after = await openStore(folder, "things");
    assert.deepEqual([...after.records], [["a", { name: "first" }]]);
    await put(after, "b", { name: "second" });
    await after.close();
    const again = await openStore(folder, "things");
    assert.deepEqual([...again.records.keys()], ["a", "b"]);
    await again.close();
    await truncate(file, 0);
  }
});

test(${quoted(COMMON.damaged)}, async (t) => {
  const folder = await temporaryFolder(t);
  await writeFile(path.join(folder, "things.journal"), '{"key":"a","record":{}}\\nnonsense\\n{"key":"b","record":{}}\\n');
  await assert.rejects(openStore(folder, "things"), /damaged in line 2/);
  await assert.rejects(openStore(path.join(folder, "things.journal"), "things"));
});

test(${quoted(COMMON.compact)}, async (t) => {
  const folder = await temporaryFolder(t);
  const store = await openStore(folder, "things", { compactAbove: 10 });
  await put(store, "41", { name: "gone" });
  await store.change(() => ({ key: "41" }));
  for (let count = 0; count < 20; count++) await put(store, "a", { count });
  await store.close();
  const lines = (await readFile(path.join(folder, "things.journal"), "utf8")).trim().split("\\n");
  assert.ok(lines.length < 20, "the journal has " + lines.length + " lines");
  const again = await openStore(folder, "things");
  assert.deepEqual([...again.records], [["a", { count: 19 }]]);
  assert.equal(again.highest, 41, "a number is not given twice, even after its record is gone");
  await again.close();
});

test(${quoted(COMMON.handover)}, async (t) => {
  const folder = await temporaryFolder(t);
  const old = await openStore(folder, "things", { compactAbove: 10 });
  await put(old, "a", { name: "first" });
  const fresh = await openStore(folder, "things");
  await put(old, "b", { name: "late" });
  await fresh.refresh();
  assert.deepEqual(fresh.records.get("b"), { name: "late" });
  const add = (store) => store.change(({ records }) => ({ key: "n", record: { count: (records.get("n")?.count ?? 0) + 1 } }));
  for (let count = 0; count < 10; count++) await add(count % 2 === 0 ? old : fresh);
  assert.equal(old.records.get("n").count + fresh.records.get("n").count, 19);
  await Promise.all([put(old, "c", {}), put(fresh, "d", {}), put(old, "e", {}), put(fresh, "f", {})]);
  // The old one writes its journal anew, and the new one goes on in that.
  for (let count = 0; count < 30; count++) await put(old, "a", { count });
  await put(fresh, "g", {});
  await old.close();
  await fresh.close();
  const again = await openStore(folder, "things");
  assert.deepEqual([...again.records.keys()].sort(), ["a", "b", "c", "d", "e", "f", "g", "n"]);
  assert.deepEqual(new Map([...fresh.records].sort()), new Map([...again.records].sort()));
  await again.close();
});

test(${quoted(COMMON.order)}, async (t) => {
  const store = await openStore(await temporaryFolder(t), "things");
  const add = () => store.change(({ records }) => ({ key: "a", record: { count: (records.get("a")?.count ?? 0) + 1 } }));
  await Promise.all(Array.from({ length: 20 }, add));
  assert.equal(store.records.get("a").count, 20);
  await store.close();
});

test(${quoted(COMMON.failed)}, async (t) => {
  const store = await openStore(await temporaryFolder(t), "things");
  await put(store, "a", { name: "first" });
  const refuse = () => {
    throw new Error("refused");
  };
  await assert.rejects(store.change(refuse), /refused/);
  await assert.rejects(put(store, "b", { big: 1n }), TypeError);
  assert.deepEqual([...store.records.keys()], ["a"]);
  await put(store, "c", {});
  assert.deepEqual([...store.records.keys()], ["a", "c"]);
  await store.close();
  await assert.rejects(put(store, "d", {}));
  assert.equal(store.records.has("d"), false);
});
`;

const unitTests = (plan: Plan): string => `
test(${quoted(COMMON.config)}, () => {
  assert.deepEqual(readConfig({}), { port: ${plan.port}, host: "127.0.0.1", dataDir: "./data" });
  assert.deepEqual(readConfig({ PORT: "0", HOST: "::1", DATA_DIR: "/tmp/x" }), { port: 0, host: "::1", dataDir: "/tmp/x" });
  for (const PORT of ["", "http", "70000", "-1"]) assert.throws(() => readConfig({ PORT }), /PORT must be/);
  assert.throws(() => readConfig({ HOST: "" }), /must not be empty/);
});

test(${quoted(COMMON.internal)}, async (t) => {
  t.mock.method(console, "error", () => {});
  const fail = () => {
    throw new Error("a secret detail");
  };
  const server = createHttpServer([{ method: "GET", path: "/{name}", handle: fail }], { bodyLimit: 100 });
  t.after(() => server.close());
  await once(server.listen(0, "127.0.0.1"), "listening");
  const call = caller("http://127.0.0.1:" + server.address().port);
  assert.deepEqual((await call("GET", "/x")).body, { error: "internal" });
  assert.equal((await call("GET", "/%zz")).status, 400);
  server.closeIdleConnections();
});
`;

/** A request that stores something, and one that shows it again: what the tests of the whole process use. */
export function serviceTestJs(plan: Plan): string {
  const { path, method, resource } = writer(plan);
  const model = resource?.model ?? { name: "", fields: [], line: 0 };
  const body = Object.fromEntries(
    clientFields(model).map((field) => [field.name, sample(field, 0, { isKey: field.name === resource?.key })]),
  );
  return `import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import path from "node:path";
import { test } from "node:test";
import { readConfig } from "../src/config.js";
import { createHttpServer } from "../src/http.js";
import { caller, start, startProgram, temporaryFolder } from "./helpers.js";

const WRITE = [${quoted(method)}, ${quoted(path)}];
const BODY = ${source(body)};

test(${quoted(COMMON.health)}, async (t) => {
  const call = await start(t);
  const answer = await call("GET", "/health");
  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, { status: "ok", service: ${quoted(plan.name)} });
  assert.equal((await call("HEAD", "/health")).status, 200);
});

test(${quoted(COMMON.notFound)}, async (t) => {
  const call = await start(t);
  const answer = await call("GET", "/no/such/path/is/here/at/all");
  assert.equal(answer.status, 404);
  assert.equal(typeof answer.body.error, "string");
});

test(${quoted(COMMON.method)}, async (t) => {
  const call = await start(t);
  const answer = await call("OPTIONS", "/health");
  assert.equal(answer.status, 405);
  assert.equal(answer.headers.get("allow"), "GET, HEAD");
  const other = await call("OPTIONS", WRITE[1]);
  assert.equal(other.status, 405);
  assert.ok(other.headers.get("allow").split(", ").includes(WRITE[0]));
});

test(${quoted(COMMON.body)}, async (t) => {
  const call = await start(t);
  assert.equal((await call(...WRITE, "{not json")).status, 400);
  assert.equal((await call(...WRITE, "[]")).status, 400);
  assert.equal((await call(...WRITE, JSON.stringify(BODY), "text/plain")).status, 415);
  const large = await call(...WRITE, JSON.stringify("x".repeat(${plan.bodyLimit})));
  assert.equal(large.status, 413);
  assert.equal(typeof large.body.error, "string");
});

test(${quoted(COMMON.kill)}, async (t) => {
  const folder = await temporaryFolder(t);
  const first = await startProgram(t, folder);
  const stored = await first.call(...WRITE, BODY);
  assert.ok(stored.status < 300, "answered " + stored.status);
  assert.equal((await first.end("SIGKILL")).signal, "SIGKILL");
  const second = await startProgram(t, folder);
  const again = await second.call("GET", "/health");
  assert.equal(again.status, 200);
${readBack(plan, resource?.path ?? "")}  await second.end("SIGKILL");
  const [journal] = (await readdir(folder)).filter((name) => name === ${quoted(`${resource?.name ?? ""}.journal`)});
  assert.ok((await readFile(path.join(folder, journal), "utf8")).includes(JSON.stringify(stored.body)));
});

test(${quoted(COMMON.term)}, async (t) => {
  const program = await startProgram(t, await temporaryFolder(t));
  assert.match(program.url, /^http:\\/\\/127\\.0\\.0\\.1:\\d+$/);
  assert.equal((await program.call("GET", "/health")).status, 200);
  assert.equal((await program.end("SIGTERM")).code, 0);
});
${unitTests(plan)}`;
}

function writer(plan: Plan): { method: string; path: string; resource: Route["resource"] } {
  const writes = plan.routes.filter((route) => ["create", "replace", "patch"].includes(route.kind));
  const route =
    writes.find((one) => one.kind === "create") ?? writes.find((one) => one.resource?.kind !== "collection");
  return {
    method: route?.method ?? "POST",
    path: (route?.path ?? "/").replace(/\{\w+\}/, "first-key"),
    resource: route?.resource ?? null,
  };
}

/** Reads the record through the API after the restart, by its key where there is such a route, else in a list. */
function readBack(plan: Plan, path: string): string {
  const of = plan.routes.filter((route) => route.resource?.path === path);
  const read = of.find((route) => route.kind === "read");
  const resource = read?.resource;
  if (read !== undefined && resource !== undefined && resource !== null) {
    const at =
      resource.kind === "collection"
        ? `${quoted(read.path.split("{")[0] ?? "")} + stored.body.${resource.key}${suffix(read.path)}`
        : quoted(read.path.replace(/\{\w+\}/, "first-key"));
    return `  assert.deepEqual((await second.call("GET", ${at})).body, stored.body);\n`;
  }
  const list = of.find((route) => route.kind === "list");
  if (list === undefined) return "";
  const items =
    list.list?.shape === "array" || list.list === undefined
      ? "body"
      : `body.${(list.list.shape as { items: string }).items}`;
  return `  assert.deepEqual((await second.call("GET", ${quoted(list.path)})).${items}, [stored.body]);\n`;
}

const suffix = (path: string) => (path.endsWith("}") ? "" : ` + ${quoted(path.split("}")[1] ?? "")}`);
