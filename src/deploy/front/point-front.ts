import { spawn } from "node:child_process";
import { once } from "node:events";
import { openSync, closeSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readState } from "#deploy/service-folder.ts";
import { Failure } from "#system/failure.ts";
import { writeFileAtomic } from "#system/files.ts";
import { uuidv7 } from "#system/ids.ts";
import { portOwner } from "#system/port-owner.ts";
import { endGroup, isAlive, type ProcessIdentity } from "#system/processes.ts";

/** `run` is the started release; two runs of one version have two. */
export type FrontTarget = { run: string; version: string; port: number };

export type FrontOrder = {
  host: string;
  publicPort: number;
  target: FrontTarget;
  /** How long a connection waits for a release that refuses. */
  retryMs: number;
  /** A connection that is drained counts as busy while it waits for an answer, and this long after its last byte. */
  quietMs: number;
  /** `lookMs`: how often their size is looked at; between two looks a log may grow past its limit. */
  logs: { folder: string; maxBytes: number; keep: number; lookMs: number };
};

export type FrontState = ProcessIdentity & {
  sequence: string;
  host: string;
  publicPort: number;
  target: FrontTarget;
  /** Earlier runs that still hold connections. Busy: waiting for an answer, or moving bytes. */
  draining: { run: string; port: number; open: number; busy: number }[];
};

const FRONT_SCRIPT = fileURLToPath(new URL("front.mjs", import.meta.url));

/** From asking to the front's answer. It takes a few milliseconds; on a machine that swaps, seconds. */
const TAKE_UP_MS = 10_000;

const RIVAL_MS = 200;

/**
 * Makes the service's front pass new connections to this target, and starts it if there is none. When this returns,
 * the front has taken the target up. Open connections are left alone. May be called again at any time.
 */
export async function pointFront(folder: string, order: FrontOrder): Promise<FrontState> {
  await mkdir(folder, { recursive: true });
  const sequence = uuidv7();
  const before = await readFront(folder);
  await writeFileAtomic(join(folder, "target.json"), `${JSON.stringify({ sequence, ...order })}\n`);
  if (before !== null && before.host === order.host && before.publicPort === order.publicPort) {
    process.kill(before.pid, "SIGHUP");
    const after = await takenUp(folder, sequence, () => isAlive(before));
    if (after !== null) return after;
  }
  const started = await startFront(folder, order, sequence);
  // The public port has changed: the front of the old one ends after the new one answers.
  if (before !== null && before.pid !== started.pid && isAlive(before)) await endGroup(before.pid, { graceMs: 1_000 });
  return started;
}

/** The service's living front, or null. */
export async function readFront(folder: string): Promise<FrontState | null> {
  const state = await readState<FrontState>(join(folder, "front.json"));
  return state !== null && isAlive(state) ? state : null;
}

/** What the front was last told; also when it is dead. */
export async function lastOrder(folder: string): Promise<FrontOrder | null> {
  return readState<FrontOrder>(join(folder, "target.json"));
}

export async function endFront(folder: string): Promise<void> {
  const state = await readFront(folder);
  if (state !== null) await endGroup(state.pid, { graceMs: 1_000 });
  await rm(join(folder, "front.json"), { force: true });
}

async function startFront(folder: string, order: FrontOrder, sequence: string): Promise<FrontState> {
  await rm(join(folder, "front-result.json"), { force: true });
  const log = openSync(join(folder, "front.log"), "a", 0o600);
  const front = spawn(process.execPath, ["--max-semi-space-size=1", FRONT_SCRIPT, folder], {
    detached: true,
    stdio: ["ignore", "ignore", log],
    cwd: folder,
    env: {},
  });
  closeSync(log);
  let ended = false;
  front.once("exit", () => (ended = true));
  await once(front, "spawn");
  front.unref();
  const state = await takenUp(folder, sequence, () => !ended).catch(async (error: unknown) => {
    // Overtaken: the later call has, or starts, the front that stays. Ours must not come up after it.
    if (!ended && (await readFront(folder))?.pid !== front.pid) await endGroup(front.pid!, { graceMs: 0 });
    throw error;
  });
  if (state !== null) return state;

  const result = await readState<{ code: string | null; message: string }>(join(folder, "front-result.json"));
  if (result?.code === "EADDRINUSE") return adoptRival(folder, order, sequence);
  if (result !== null) throw new Failure("unavailable", `The front cannot open ${addressOf(order)}: ${result.message}`);
  if (!ended) await endGroup(front.pid!, { graceMs: 0 });
  throw new Failure(
    "unavailable",
    `The front of ${addressOf(order)} did not come up: see ${join(folder, "front.log")}`,
  );
}

/** The port is taken: by a front of this very service that another call has just started, or by a stranger. */
async function adoptRival(folder: string, order: FrontOrder, sequence: string): Promise<FrontState> {
  // A rival that was started a moment ago has the port before it has said so.
  const settled = performance.now() + RIVAL_MS;
  const state = await takenUp(folder, sequence, () => performance.now() < settled);
  if (state !== null) return state;
  const rival = await readFront(folder);
  if (rival !== null && rival.publicPort === order.publicPort && rival.host === order.host) {
    process.kill(rival.pid, "SIGHUP");
    const later = await takenUp(folder, sequence, () => isAlive(rival));
    if (later !== null) return later;
  }
  const owner = portOwner(order.publicPort);
  throw new Failure(
    "conflict",
    `Port ${addressOf(order)} is already in use${owner === null ? "" : ` by process ${owner.pid} (${owner.command})`}: ` +
      `end that program, or give the service another port`,
  );
}

/** Waits for the front's acknowledgement. Null if it does not come; a Failure if a later switch overtook this one. */
async function takenUp(folder: string, sequence: string, alive: () => boolean): Promise<FrontState | null> {
  const until = performance.now() + TAKE_UP_MS;
  while (performance.now() < until) {
    const living = alive();
    const state = await readFront(folder);
    if (state?.sequence === sequence) return state;
    if (!living) return null;
    const asked = await readState<{ sequence: string }>(join(folder, "target.json"));
    if (asked !== null && asked.sequence !== sequence) {
      throw new Failure(
        "conflict",
        `Another switch of the front in ${folder} came after this one: see which one is wanted`,
      );
    }
    await pause(5);
  }
  return null;
}

function addressOf({ host, publicPort }: FrontOrder): string {
  return `${host}:${publicPort}`;
}
