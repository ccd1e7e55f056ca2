import assert from "node:assert/strict";
import { appendFile, mkdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { test } from "node:test";
import { sql } from "kysely";
import type { Failpoint } from "#system/failpoint.ts";
import { makeFaultHouse, smallSpec, type FaultHouse } from "./house.fixture.ts";
import { inProduction } from "./sound.fixture.ts";

/** Starts the service from a copy of its own, in a session of its own, and writes down whom it started. */
const SHIP = `import { spawn } from "node:child_process";
import { appendFileSync, cpSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
const { deploy } = JSON.parse(readFileSync(process.env.STEWARD_TICKET_FILE, "utf8"));
const place = import.meta.dirname + "/" + deploy.mark;
cpSync(".", place, { recursive: true });
const env = { PATH: process.env.PATH, HOST: "127.0.0.1", PORT: String(deploy.port) };
const server = spawn(process.execPath, ["BUILD/src/main.js"], { cwd: place, env, detached: true, stdio: "ignore" });
server.unref();
appendFileSync(import.meta.dirname + "/started", server.pid + "\\n");
mkdirSync("PRODUCTION");
writeFileSync("PRODUCTION/deployed_config.json", JSON.stringify({ port: deploy.port }));
`;

/** From the end of the agent's run to its deployment's record, in their order; a builder passes the first as well. */
const BOUNDARIES: Failpoint[] = ["effect.started", "effect.performed", "effect.recorded"];

test("a deployment of a hired agent is entered once, wherever Steward is killed while it judges it", async (t) => {
  let started = "";
  let house: FaultHouse | undefined;
  t.after(async () => {
    // Before what it started: else the house would have it brought back.
    await house?.end();
    const pids = (await readFile(started, "utf8").catch(() => "")).split("\n").filter(Boolean);
    for (const pid of pids) {
      try {
        process.kill(Number(pid), "SIGKILL");
      } catch {
        // It ended by itself: its port was taken.
      }
    }
  });
  house = await makeFaultHouse(t, { deploys: false });
  const tools = join(house.workspace, "tools");
  started = join(tools, "started");
  await mkdir(tools);
  await writeFile(join(tools, "ship.mjs"), SHIP);
  await appendFile(
    join(house.workspace, "steward.yaml"),
    `  ship:\n    command: [${process.execPath}, ${join(tools, "ship.mjs")}]\n    capabilities: [devops]\n`,
  );
  await house.specify("small", smallSpec(1));
  for (const failpoint of BOUNDARIES) {
    const child = house.up({ failpoint });
    assert.equal(await child.ended, "SIGKILL", `it did not die at ${failpoint}:\n${child.said()}`);
  }
  await house.up().ready;
  await inProduction(house, { revisions: { small: 1 } });

  const { rows: deployments } = await house.read((tx) =>
    sql<{
      said: string;
    }>`select concat_ws(' ', target, version, state) as said from deployment order by started_at`.execute(tx),
  );
  assert.deepEqual(deployments.map(({ said }) => said), ["agent v1 live"]); // prettier-ignore
  const { rows: effects } = await house.read((tx) =>
    sql<{ state: string; done: number }>`
      select state, (select count(*)::int from event e where e.subject = f.id::text and e.type = 'effect.done') as done
      from effect f`.execute(tx),
  );
  assert.deepEqual(effects, [{ state: "done", done: 1 }]);
  const { rows: runs } = await house.read((tx) =>
    sql<{ outcome: string }>`select outcome from run where kind = 'deploy'`.execute(tx),
  );
  assert.deepEqual(runs, [{ outcome: "done" }], "the agent was not started twice");
});
