import { mkdir, readFile, rm, writeFile } from "node:fs/promises";
import { watch } from "node:fs";
import { join } from "node:path";
import { prepareWorkplace } from "#agents/workplace/prepare-workplace.ts";
import { readSettings } from "#config.ts";
import { openHouse } from "#house/open-house.ts";
import { startHouse } from "#house/start-house.ts";
import { silentLog } from "#system/log.ts";
import type { Bench, BenchTools } from "./bench.ts";
import { spread } from "./samples.ts";
import { environmentOf, stewardDown } from "./steward-process.ts";
import { completeSpec, incompleteSpec, saveWhole, writeFiles } from "./workspace.ts";

const SAMPLES = 100;
const SETTLE_MS = 200;

/**
 * The agent's first act is to write down the time; then it refuses, so that nothing of the run before is left when the
 * next one is measured.
 */
const stamper = (stamps: string): string =>
  `date +%s%N > "${stamps}/$STEWARD_SERVICE.tmp"; mv "${stamps}/$STEWARD_SERVICE.tmp" "${stamps}/$STEWARD_SERVICE"; ` +
  `echo '{"outcome":"refused","reasons":["it only tells the time"]}' > "$STEWARD_REPORT_FILE"`;

export const saveToSpawn: Bench = {
  name: "save-to-spawn",
  about: "a spec saved and settled until its agent's process has started",
  async run(tools) {
    const { services, stamps } = await startTheHouse(tools);
    const latencies: number[] = [];
    for (let sample = 0; sample < SAMPLES; sample++) {
      const name = nameOf(sample);
      const stamped = appears(stamps, name);
      await saveWhole(join(services, name, "SPEC.md"), completeSpec(name));
      const savedAt = performance.timeOrigin + performance.now();
      await stamped;
      const startedAt = Number(await readFile(join(stamps, name), "utf8")) / 1e6;
      latencies.push(startedAt - savedAt - SETTLE_MS);
    }
    const copies = await timeCopies(services, join(tools.folder, "copies"));
    const latency = spread(latencies);
    return [
      {
        id: "save-to-spawn",
        name: "spec saved and settled → agent process started",
        unit: "ms",
        ...latency,
        how: `from the rename that saved the spec, less the settle window of ${SETTLE_MS} ms, to the time that the agent's own first command writes down; the whole house with ${SAMPLES} services, file watch, decision, ticket, claim, copy of the service's folder, detached runner`,
        goal: { text: "p50 ≤ 50 ms, p99 ≤ 250 ms", met: latency.p50 <= 50 && latency.p99 <= 250 },
      },
      {
        id: "save-to-spawn: copy",
        name: "of which: copy of the service's folder for the agent",
        unit: "ms",
        ...spread(copies),
        how: "the same function on the same services, alone",
      },
    ];
  },
};

const nameOf = (index: number): string => `note-${String(index).padStart(3, "0")}`;

async function startTheHouse({ folder, stateRoot, defer }: BenchTools) {
  const workspace = join(folder, "workspace");
  const services = join(workspace, "SERVICES");
  const stamps = join(folder, "stamps");
  await mkdir(stamps);
  for (let index = 0; index < SAMPLES; index++) {
    await writeFiles(join(services, nameOf(index)), { "SPEC.md": incompleteSpec(nameOf(index)) });
  }
  const rules = {
    settle_seconds: SETTLE_MS / 1000,
    built_in_builder: false,
    agents: { stamper: { command: stamper(stamps), capabilities: ["builder"], slots: 4 } },
  };
  await writeFile(join(workspace, "steward.yaml"), JSON.stringify(rules));

  const place = { workspace, home: join(folder, "home"), stateRoot };
  const house = await openHouse(readSettings(environmentOf(place), workspace), { kind: "server", log: silentLog });
  defer(() => stewardDown(place));
  defer(() => house.close());
  const running = await startHouse(house, { watches: true });
  defer(() => running.stop("the bench is done"));
  return { services, stamps };
}

/** Resolves when a file of that name is there. */
async function appears(folder: string, name: string): Promise<void> {
  const giveUp = AbortSignal.timeout(30_000);
  await new Promise<void>((resolve, reject) => {
    const watcher = watch(folder, (_event, changed) => {
      if (changed !== name) return;
      watcher.close();
      resolve();
    });
    giveUp.addEventListener("abort", () => {
      watcher.close();
      reject(new Error(`No agent was started for ${name} within 30 s`));
    });
  });
}

async function timeCopies(services: string, copies: string): Promise<number[]> {
  const times: number[] = [];
  for (let index = 0; index < SAMPLES; index++) {
    const workDir = join(copies, nameOf(index));
    const started = performance.now();
    await prepareWorkplace({ serviceDir: join(services, nameOf(index)), workDir });
    times.push(performance.now() - started);
  }
  await rm(copies, { recursive: true });
  return times;
}
