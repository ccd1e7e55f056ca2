import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { createServer } from "node:http";
import { mkdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, test } from "node:test";
import { sql } from "kysely";
import { endEverything } from "#house/end-everything.ts";
import { silentLog } from "#system/log.ts";
import { freePort } from "#system/testing.ts";
import { leftRunning, makeFaultHouse, smallSpec, until, type Child, type FaultHouse } from "./house.fixture.ts";
import { assertSound, inProduction } from "./sound.fixture.ts";

describe("surroundings that are not as they should be", { concurrency: 2 }, () => {
  test("a second `up` on one home is refused and says who is there", async (t) => {
    const house = await makeFaultHouse(t);
    const first = house.up();
    await first.ready;
    const said = await refusal(house.up(), "code 5");
    assert.match(
      said,
      new RegExp(`already looks after this workspace at http://127\\.0\\.0\\.1:\\d+ \\(process ${first.pid}\\)`),
    );
  });

  test("of two `up` on one home in the same moment one is refused, and a killed one stands in nobody's way", async (t) => {
    const house = await makeFaultHouse(t);
    const both = [house.up(), house.up()];
    const loser = await Promise.race(both.map(async (child) => ({ child, ended: await child.ended })));
    assert.equal(loser.ended, "code 5", loser.child.said());
    assert.match(loser.child.said(), /already/);
    const winner = both.find((child) => child !== loser.child)!;
    await winner.ready;
    await winner.kill();
    await house.up().ready;
  });

  test("a steward.yaml that cannot be read, or says nonsense, is named, all of its problems together", async (t) => {
    const house = await makeFaultHouse(t);
    const file = join(house.workspace, "steward.yaml");
    await writeFile(file, "probe_seconds: often\nagents: { quick: { command: [], capabilities: [wizard] } }\n");
    const nonsense = await refusal(house.up(), "code 2");
    for (const place of ["probe_seconds", "agents.quick.command", "agents.quick.capabilities"])
      assert.ok(nonsense.includes(place), nonsense);
    await rm(file);
    await mkdir(file);
    assert.match(await refusal(house.up(), "code 2"), /steward\.yaml: it cannot be read/);
  });

  test("a home that cannot be written is named, with what to do", async (t) => {
    const house = await makeFaultHouse(t);
    const occupied = join(house.scratch, "a-file");
    await writeFile(occupied, "");
    for (const home of ["/sys/steward", join(occupied, "home")]) {
      const said = await refusal(house.up({ home }), "code 6");
      assert.match(said, /STEWARD_HOME/);
      assert.ok(said.includes(home), said);
    }
  });

  test("a database that is not there, refuses, or is none, is a clear word within seconds", async (t) => {
    const house = await makeFaultHouse(t);
    const web = createServer((_request, response) => response.end("hello")).listen(0, "127.0.0.1");
    t.after(async () => void web.close());
    await new Promise((resolve) => web.once("listening", resolve));
    const { port } = web.address() as { port: number };
    const right = new URL(house.environment["DATABASE_URL"]!);
    const wrongPassword = Object.assign(new URL(right), { password: "wrong" }).href;
    for (const url of [
      `postgres://steward@127.0.0.1:${await freePort()}/x`,
      wrongPassword,
      `postgres://steward@127.0.0.1:${port}/x`,
    ]) {
      const said = await refusal(house.up({ environment: { DATABASE_URL: url } }), "code 6");
      assert.match(said, /The database at .* cannot be reached/, url);
      assert.ok(!said.includes("wrong@") && !said.includes(":wrong"), "it says the password");
    }
    assert.match(
      await refusal(house.up({ environment: { DATABASE_URL: "mysql://x" } }), "code 2"),
      /DATABASE_URL must begin with postgres/,
    );
  });

  test("a deploy that is killed in its middle leaves nothing running after `steward down --services`", async (t) => {
    const house = await makeFaultHouse(t);
    await house.specify("small", smallSpec(1));
    const ended = await house.up({ failpoint: "deploy.confirm" }).ended;
    assert.equal(ended, "SIGKILL");
    assert.notDeepEqual(house.processes(), [], "the release and its front were not started yet");
    await endEverything(house.settings(), { services: true, log: silentLog });
    assert.deepEqual(await leftRunning(house.scratch), []);
    await house.up().ready;
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
  });

  test("what an agent says may hold any bytes: it is kept without those that a database refuses", async (t) => {
    const house = await makeFaultHouse(t);
    await house.up().ready;
    await house.specify("small", smallSpec(1, "Fails once with bytes."));
    await inProduction(house, { revisions: { small: 1 } });
    await assertSound(house);
    const { rows } = await house.read((tx) => sql`select attempt, losses from ticket where kind = 'build'`.execute(tx));
    assert.deepEqual(
      rows,
      [{ attempt: 2, losses: 0 }],
      "its report was lost, and not counted as the failure that it was",
    );
  });

  test("while the disk of Steward's home is full nothing is lost, the reason is said, and work goes on once there is room", async (t) => {
    const house = await makeFaultHouse(t);
    const disk = await smallDisk(house.home);
    if (disk === null) {
      t.skip("a small disk cannot be mounted here: that needs root and tmpfs");
      return;
    }
    try {
      await house.up().ready;
      await disk.fill();
      await house.specify("small", smallSpec(1));
      await until("a word on the full disk", () => errorsOf(house), {
        holds: (errors) => errors.some((error) => /No room/.test(error)),
      });
      await disk.free();
      await inProduction(house, { revisions: { small: 1 } });
      await assertSound(house);
      await house.end();
    } finally {
      disk.away();
    }
  });
});

/** What it says, once it has ended so, without a trace of the code's own. */
async function refusal(child: Child, how: string): Promise<string> {
  const running = new Promise<string>((resolve) => setTimeout(resolve, 30_000, "it runs on").unref());
  assert.equal(await Promise.race([child.ended, running]), how, child.said());
  assert.doesNotMatch(child.said(), /\n\s+at .*\.ts:\d+/, "it shows a stack trace");
  return child.said();
}

async function errorsOf({ read }: FaultHouse): Promise<string[]> {
  return read(async (tx) => {
    const { rows } = await sql<{
      error: string;
    }>`select last_error as error from ticket where last_error is not null`.execute(tx);
    return rows.map(({ error }) => error);
  });
}

/** A disk of 3 MiB at this path; null if this user may not mount one. */
async function smallDisk(path: string) {
  await mkdir(path, { recursive: true });
  try {
    execFileSync("/bin/mount", ["-t", "tmpfs", "-o", "size=3m", "tmpfs", path], { stdio: "ignore" });
  } catch {
    return null;
  }
  const filler = join(path, "filler");
  return {
    fill: () => writeFile(filler, Buffer.alloc(4 * 1024 * 1024)).catch(() => {}),
    free: () => rm(filler),
    away: () => void execFileSync("/bin/umount", ["-l", path]),
  };
}
