import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { appendFile, mkdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import pg from "pg";
import { layoutOf } from "#db/embedded/layout.ts";
import { makeFaultHouse, smallSpec, until, type FaultHouse } from "./house.fixture.ts";
import { acknowledged, assertSound, inProduction } from "./sound.fixture.ts";

const steward = fileURLToPath(new URL("../../bin/steward", import.meta.url));

/** The cluster takes 55 MiB; this leaves 100, of which Steward keeps 64 free. */
const DISK = "160m";

test("while the disk of the embedded database is full Steward says so and starts nothing, and goes on by itself once there is room", async (t) => {
  const house = await makeFaultHouse(t, { embedded: true });
  const disk = await databaseDisk(house);
  if (disk === null) {
    t.skip("a small disk cannot be mounted here: that needs root and tmpfs");
    return;
  }
  try {
    const server = house.up();
    await server.ready;
    await house.specify("first", smallSpec(1));
    await inProduction(house, { revisions: { first: 1 } });
    const seen = await acknowledged(house);

    await disk.fill();
    await until("a word on the full disk", async () => server.said(), {
      holds: (said) => /The disk of the database .* is full: \d+ MiB are left\./.test(said),
    });
    const started = (await house.starts()).length;
    await house.specify("second", smallSpec(1));
    assert.match(await statusOf(house), /is full: .*\n +Make room there, 64 MiB at least/);

    // Worse: a server that cannot begin its next log file ends all its connections and starts itself anew.
    await endForWantOfLog(house);
    assert.equal((await house.starts()).length, started, "an agent was started that could not be recorded");

    await disk.free();
    await inProduction(house, { revisions: { first: 1, second: 1 } }).catch(async (error: unknown) => {
      const said = (await readFile(layoutOf(house.home).log, "utf8")).split("\n").slice(-30);
      throw new Error(`${String(error)}\n${server.said().slice(-2_000)}\n${said.join("\n")}`);
    });
    await assertSound(house, { seen });
  } finally {
    await disk.free();
    await house.end().finally(() => disk.away());
  }
});

async function statusOf({ environment, workspace }: FaultHouse): Promise<string> {
  const { stdout } = await promisify(execFile)(process.execPath, [steward, "status"], {
    cwd: workspace,
    env: environment,
  });
  return stdout;
}

async function endForWantOfLog({ home }: FaultHouse): Promise<void> {
  const { password, port } = layoutOf(home);
  const client = new pg.Client({
    host: "127.0.0.1",
    port: Number(await readFile(port, "utf8")),
    user: "steward",
    password: await readFile(password, "utf8"),
    database: "steward",
  });
  client.on("error", () => {});
  await client.connect();
  // A switch needs something in the file that it leaves.
  const fillsLog = async () => {
    for (let n = 0; n < 40; n++) await client.query("select pg_logical_emit_message(false, '', '-'), pg_switch_wal()");
  };
  await assert.rejects(fillsLog(), /No space left on device|terminat/);
  await client.end().catch(() => {});
}

/** A disk for the database alone; null if this user may not mount one. */
async function databaseDisk({ home }: FaultHouse) {
  const { database } = layoutOf(home);
  await mkdir(database, { recursive: true });
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", `size=${DISK},mode=0755`, "tmpfs", database], { stdio: "ignore" });
  } catch {
    return null;
  }
  const filler = join(database, "filler");
  const piece = Buffer.alloc(64 * 1024);
  return {
    async fill() {
      for (;;) {
        try {
          await appendFile(filler, piece);
        } catch {
          return;
        }
      }
    },
    free: () => rm(filler, { force: true }),
    away: () => void execFileSync("/bin/umount", ["-l", database]),
  };
}
