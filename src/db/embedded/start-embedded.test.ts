import assert from "node:assert/strict";
import { spawn, type ChildProcess } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, mkdir, mkdtemp, readFile, readdir, stat, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { test, type TestContext } from "node:test";
import pg from "pg";
import { Failure } from "#system/failure.ts";
import { silentLog } from "#system/log.ts";
import { bootId, findMarked, isAlive, startTimeOf } from "#system/processes.ts";
import { removeFolder } from "#system/testing.ts";
import { testStateRoot as stateRoot } from "#db/testing.ts";
import { layoutOf } from "./layout.ts";
import { findPostmaster } from "./postmaster.ts";
import { startEmbedded } from "./start-embedded.ts";
import { stopEmbedded, stopIfLast } from "./stop-embedded.ts";

const start = (home: string) => startEmbedded({ home, stateRoot, log: silentLog });

test("the database outlives kill -9 of whoever started it, and is adopted with all it was told", async (t) => {
  const home = await homeFor(t);
  const starter = startInChild(home);
  const first = await starter.ready;
  await query(first.adminUrl, "create table told (n int); insert into told values (7)");
  starter.child.kill("SIGKILL");
  await once(starter.child, "exit");

  const mine = await start(home);
  assert.equal(mine.adopted, true);
  assert.equal(mine.pid, first.pid);
  assert.deepEqual(await query(mine.adminUrl, "select n from told"), [{ n: 7 }]);
  assert.deepEqual(
    await query(
      mine.adminUrl,
      "select name, setting from pg_settings where name in ('fsync', 'synchronous_commit', 'full_page_writes', 'data_checksums', 'listen_addresses') order by name",
    ),
    [
      { name: "data_checksums", setting: "on" },
      { name: "fsync", setting: "on" },
      { name: "full_page_writes", setting: "on" },
      { name: "listen_addresses", setting: "127.0.0.1" },
      { name: "synchronous_commit", setting: "on" },
    ],
  );
});

test("three processes that start at once on an empty home come to one server", async (t) => {
  const home = await homeFor(t);
  const starters = [1, 2, 3].map(() => startInChild(home));
  const ready = await Promise.all(starters.map((starter) => starter.ready));
  assert.equal(new Set(ready.map(({ pid }) => pid)).size, 1);
  assert.equal(ready.filter(({ adopted }) => !adopted).length, 1);
  for (const { adminUrl } of ready) assert.deepEqual(await query(adminUrl, "select 1 as one"), [{ one: 1 }]);
});

test("the last one out ends the server, and nobody before", async (t) => {
  const home = await homeFor(t);
  const other = startInChild(home);
  await other.ready;
  const mine = await start(home);
  assert.equal(await mine.leave(), false);
  assert.equal(runs(mine.pid), true);

  // Gone without a word: the runner's last act then finds that nobody is left.
  other.child.kill("SIGKILL");
  await once(other.child, "exit");
  const lastAct = spawn(process.execPath, [join(import.meta.dirname, "last-one-out.ts"), home], { stdio: "inherit" });
  const [code] = (await once(lastAct, "exit")) as [number | null];
  assert.equal(code, 0);
  assert.equal(runs(mine.pid), false);
  assert.equal(await stopIfLast(home), true);
});

test("after kill -9 of the server under load it is started again, with every acknowledged row", async (t) => {
  const home = await homeFor(t);
  const embedded = await start(home);
  await query(embedded.adminUrl, "create table told (n int primary key)");
  const acknowledged: number[] = [];
  let loadedEnough = () => {};
  const loaded = new Promise<void>((resolve) => (loadedEnough = resolve));
  const writers = [0, 1, 2, 3].map(async (writer) => {
    const client = new pg.Client({ connectionString: embedded.adminUrl });
    client.on("error", () => {});
    await client.connect();
    try {
      for (let n = writer; ; n += 4) {
        await client.query("insert into told values ($1)", [n]);
        acknowledged.push(n);
        if (acknowledged.length > 400) loadedEnough();
      }
    } catch {
      await client.end().catch(() => {});
    }
  });
  await loaded;
  process.kill(embedded.pid, "SIGKILL");
  await Promise.all(writers);

  const rows = await eventually(() => query(embedded.adminUrl, "select n from told"));
  const found = new Set(rows.map(({ n }) => n));
  assert.deepEqual(
    acknowledged.filter((n) => !found.has(n)),
    [],
  );
  assert.ok(acknowledged.length > 400);
  // It was this process's guard that brought it back, on the same port; asking for it adopts that one.
  const again = await start(home);
  assert.equal(again.adopted, true);
  assert.notEqual(again.pid, embedded.pid);
  assert.equal(again.port, embedded.port);
  await again.leave();
  await embedded.leave();
});

test("a server that gave up is started again, and one that was told to end is not", async (t) => {
  const home = await homeFor(t);
  const embedded = await start(home);
  // An immediate shutdown leaves what a failed recovery does: no postmaster.pid, and no word of a shutdown.
  process.kill(embedded.pid, "SIGQUIT");
  await eventually(async () => assert.notEqual((await findPostmaster(layoutOf(home).data))?.pid ?? embedded.pid, embedded.pid)); // prettier-ignore
  assert.deepEqual(await eventually(() => query(embedded.adminUrl, "select 1 as one")), [{ one: 1 }]);

  await stopEmbedded(home);
  // The guard looks four times a second.
  await new Promise((resolve) => setTimeout(resolve, 700));
  assert.equal(await findPostmaster(layoutOf(home).data), null);
  await embedded.leave();
});

test("a postmaster.pid whose number is another program's by now does not keep the database down", async (t) => {
  const home = await homeFor(t);
  const first = await start(home);
  const data = join(home, "database/cluster/data");
  const lockFile = await readFile(join(data, "postmaster.pid"), "utf8");
  await first.stop();
  const { uid } = await stat(data);
  const stranger = spawn("sleep", ["60"], { uid, stdio: "ignore" });
  t.after(() => stranger.kill("SIGKILL"));
  await once(stranger, "spawn");
  await writeFile(join(data, "postmaster.pid"), lockFile.replace(/^\d+/, String(stranger.pid)));
  await chown(join(data, "postmaster.pid"), uid, (await stat(data)).gid);

  const second = await start(home);
  assert.equal(second.adopted, false);
  assert.deepEqual(await query(second.adminUrl, "select 1 as one"), [{ one: 1 }]);
  assert.equal(stranger.exitCode, null);
});

test("a first start that was killed in the middle leaves nothing that looks like a database", async (t) => {
  const home = await homeFor(t);
  const starter = startInChild(home);
  const made = await eventually(async () => {
    const name = (await readdir(join(home, "database"))).find((one) => one.startsWith("cluster.making-"));
    assert.ok(name);
    assert.ok((await readdir(join(home, "database", name, "data"))).includes("base"));
    return join(home, "database", name);
  }, 2);
  // initdb and the server that it runs outlive their starter. Held still, they cannot be done before the next start.
  const makers = await findMarked("STEWARD_MAKES_CLUSTER", made);
  assert.notDeepEqual(makers, []);
  for (const { pid } of makers) process.kill(pid, "SIGSTOP");
  t.after(() => makers.filter(isAlive).forEach(({ pid }) => process.kill(pid, "SIGKILL")));
  starter.child.kill("SIGKILL");
  await once(starter.child, "exit");
  assert.ok(!(await readdir(join(home, "database"))).includes("cluster"));

  const mine = await start(home);
  assert.deepEqual(makers.filter(isAlive), [], "it is still at work in a folder that was removed");
  assert.equal(mine.adopted, false);
  assert.deepEqual(await query(mine.adminUrl, "select 1 as one"), [{ one: 1 }]);
  assert.deepEqual(
    (await readdir(join(home, "database"))).filter((name) => name.includes("making")),
    [],
  );
});

test("a home that cannot be used is refused with its path and a way out", async (t) => {
  const folder = await homeFor(t);
  const closed = join(folder, "closed");
  await mkdir(closed);
  // As root the server's user cannot come in; as anybody else, we cannot.
  await chmod(closed, process.getuid?.() === 0 ? 0o700 : 0o000);
  await assert.rejects(start(join(closed, "home")), (error: unknown) => {
    assert.ok(error instanceof Failure);
    assert.match(error.message, /\/closed/);
    assert.match(error.message, /DATABASE_URL/);
    return true;
  });
  await chmod(closed, 0o700);
  await writeFile(join(folder, "file"), "");
  await assert.rejects(start(join(folder, "file", "home")), /file.*DATABASE_URL/s);
});

type Ready = { pid: number; port: number; adminUrl: string; adopted: boolean };

/** Ended before their home is taken away: while one lives it looks after the server in it. */
const children = new Map<string, ChildProcess[]>();

/** Another process that starts the database of this home, says so, and stays. */
function startInChild(home: string): { child: ChildProcess; ready: Promise<Ready> } {
  const script = `
    const { startEmbedded } = await import(${JSON.stringify(import.meta.resolve("./start-embedded.ts"))});
    const { silentLog } = await import(${JSON.stringify(import.meta.resolve("#system/log.ts"))});
    const [home, stateRoot] = process.argv.slice(1);
    const { pid, port, adminUrl, adopted } = await startEmbedded({ home, stateRoot, log: silentLog });
    console.log(JSON.stringify({ pid, port, adminUrl, adopted }));
    setInterval(() => {}, 60_000);`;
  const child = spawn(process.execPath, ["--input-type=module", "-e", script, home, stateRoot], {
    stdio: ["ignore", "pipe", "inherit"],
  });
  children.set(home, [...(children.get(home) ?? []), child]);
  const ready = once(createInterface(child.stdout), "line").then(([line]) => JSON.parse(String(line)) as Ready);
  return { child, ready };
}

async function homeFor(t: TestContext): Promise<string> {
  const home = await mkdtemp(join(tmpdir(), "steward-home-"));
  await chmod(home, 0o755);
  t.after(async () => {
    for (const child of children.get(home) ?? []) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      child.kill("SIGKILL");
      await once(child, "exit");
    }
    await stopEmbedded(home);
    await removeFolder(home);
  });
  return home;
}

async function query(url: string, text: string): Promise<Record<string, unknown>[]> {
  const client = new pg.Client({ connectionString: url });
  client.on("error", () => {});
  await client.connect();
  try {
    const result = await client.query<Record<string, unknown>>(text);
    return result.rows;
  } finally {
    await client.end();
  }
}

function runs(pid: number): boolean {
  const startTime = startTimeOf(pid);
  return isAlive({ pid, startTime, bootId: bootId() });
}

/** Asks until it no longer throws; after 20 s the last error is the answer. */
async function eventually<T>(ask: () => Promise<T>, pauseMs = 20): Promise<T> {
  for (const deadline = Date.now() + 20_000; ;) {
    try {
      return await ask();
    } catch (error) {
      if (Date.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
    }
  }
}
