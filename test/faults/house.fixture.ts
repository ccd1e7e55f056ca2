// A house for the fault tests: a workspace, a home and a database of its own, and Steward as real processes that are
// killed, started again, and held to what must be true afterwards.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { chmod, mkdir, mkdtemp, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { readSettings } from "#config.ts";
import type { Tx } from "#db/db.ts";
import { createTestDatabase, testStateRoot } from "#db/testing.ts";
import { endEverything } from "#house/end-everything.ts";
import type { Failpoint } from "#system/failpoint.ts";
import { silentLog } from "#system/log.ts";
import { freePort, removeFolder } from "#system/testing.ts";
import type { Gate } from "./gate.fixture.ts";
import { openReader } from "./reader.fixture.ts";

const steward = fileURLToPath(new URL("../../bin/steward", import.meta.url));
const agent = fileURLToPath(new URL("agent.fixture.mjs", import.meta.url));

/** One agent's start, as it wrote it down itself. */
export type Start = { run: string; service: string; pid: number; child: number | null; at: number; others: string[] };

/** A Steward process. */
export type Child = {
  pid: number;
  /** Resolves once it says that it looks after the workspace; rejects if it ends before. */
  ready: Promise<void>;
  /** With what, once it has ended: "SIGKILL", "code 0". */
  ended: Promise<string>;
  /** What it has said so far. */
  said(): string;
  kill(): Promise<void>;
};

/** `home`: another one is as good as another host. `environment`: beside the house's own, or instead of it. */
type StartOptions = { failpoint?: Failpoint; home?: string; environment?: Record<string, string> };

type Cleaner = { after(fn: () => Promise<void>): void };

export type FaultHouse = Awaited<ReturnType<typeof makeFaultHouse>>;

/** `embedded`: its own database with fsync, as people have it; otherwise a database on the server that tests share, which starts much sooner. */
export async function makeFaultHouse(
  t: Cleaner,
  {
    embedded = false,
    builders = "hired",
    slots = 4,
    deploys = true,
    through,
  }: {
    embedded?: boolean;
    /** Who builds: the agent of the fault tests, scaffold, or both. */
    builders?: "hired" | "scaffold" | "both";
    slots?: number;
    deploys?: boolean;
    through?: Gate;
  } = {},
) {
  const scratch = await mkdtemp(join(tmpdir(), "steward-fault-"));
  // The embedded database's own user must be able to pass through.
  await chmod(scratch, 0o711);
  const workspace = join(scratch, "workspace");
  const home = join(scratch, "home");
  const startsFile = join(scratch, "starts.jsonl");
  const test = embedded ? null : await createTestDatabase();
  const environment: Record<string, string> = {
    ...inherited(),
    STEWARD_HOME: home,
    STEWARD_STATE: testStateRoot,
    STEWARD_PORT: "0",
    STEWARD_LOG: "info",
    ...(test && { DATABASE_URL: (await through?.lead(test.adminUrl)) ?? test.adminUrl }),
  };
  await mkdir(join(workspace, "SERVICES"), { recursive: true });
  await writeFile(startsFile, "");
  await writeFile(
    join(workspace, "steward.yaml"),
    `settle_seconds: 0.1
probe_seconds: 0.5
built_in_builder: ${builders !== "hired"}
deploy: ${deploys ? "{ target: process, keep: 3 }" : "none"}
agents:
  quick:
    command: [${process.execPath}, ${agent}, ${startsFile}]
    env: [STARTS_FILE]
    capabilities: [${builders === "scaffold" ? "devops" : "builder, tester, fixer"}]
    slots: ${slots}
`,
  );
  const children = new Set<Child>();
  const ports = new Map<string, number>();
  const respecified = new Set<string>();
  const settings = () => readSettings(environment, workspace);
  const reader = openReader({ home, workspace });

  const house = {
    scratch,
    workspace,
    home,
    environment,
    settings,
    ports,
    /** Services whose spec was saved again. */
    respecified,

    /** Saves a service's spec; the same name again is another revision of it. */
    async specify(name: string, text: (port: number) => string): Promise<void> {
      if (ports.has(name)) respecified.add(name);
      const port = ports.get(name) ?? (await freePort());
      ports.set(name, port);
      const folder = join(workspace, "SERVICES", name);
      await mkdir(folder, { recursive: true });
      await writeFile(join(folder, "SPEC.md"), text(port));
    },

    up: (options: StartOptions = {}) => start("up", options),
    worker: (options: StartOptions = {}) => start("worker", options),

    /** Runs another command of Steward's, as its owner would; with what it ended. */
    async command({ failpoint }: { failpoint?: Failpoint }, ...words: string[]): Promise<string> {
      const env = { ...environment, ...(failpoint && { STEWARD_FAILPOINT: failpoint }) };
      const child = spawn(process.execPath, [steward, ...words], { cwd: workspace, env, stdio: "ignore" });
      const [code, signal] = (await once(child, "exit")) as [number | null, string | null];
      return signal ?? `code ${code}`;
    },

    /** Reads in the tenant's transaction, as the program's own role. */
    read: <T>(work: (tx: Tx) => Promise<T>) => reader.read(work),

    async starts(): Promise<Start[]> {
      const lines = (await readFile(startsFile, "utf8")).split("\n").filter(Boolean);
      return lines.map((line) => JSON.parse(line) as Start);
    },

    /** Ends everything, as the owner would; may be called twice. */
    end: async () => {
      for (const child of children) await child.kill();
      if (test || (await exists(join(home, "database")))) {
        await endEverything(settings(), { services: true, log: silentLog });
      }
    },

    /** The command lines of processes that belong to this house, wherever they went. */
    processes: () => processesIn(scratch),
    children,
  };

  function start(command: "up" | "worker", { failpoint, home: elsewhere, environment: more }: StartOptions): Child {
    const env = {
      ...environment,
      STARTS_FILE: startsFile,
      ...(failpoint && { STEWARD_FAILPOINT: failpoint }),
      ...(elsewhere !== undefined && { STEWARD_HOME: elsewhere }),
      ...more,
    };
    const child = spawn(process.execPath, [steward, command, "--workspace", workspace], {
      cwd: workspace,
      env,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    const told = Promise.withResolvers<void>();
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        said += text;
        if (/Steward looks after|is at work/.test(said)) told.resolve();
      });
    }
    const ended = new Promise<string>((resolve) => {
      child.once("close", (code, signal) => {
        resolve(signal ?? `code ${code}`);
        told.reject(new Error(`\`steward ${command}\` ended before it was ready:\n${said}`));
        children.delete(one);
      });
    });
    told.promise.catch(() => {});
    const one: Child = {
      pid: child.pid!,
      ready: told.promise,
      ended,
      said: () => said,
      async kill() {
        child.kill("SIGKILL");
        await ended;
      },
    };
    children.add(one);
    return one;
  }

  t.after(async () => {
    try {
      await house.end();
      const left = await leftRunning(scratch);
      assert.deepEqual(left, [], "processes are left");
    } finally {
      await reader.close();
      await through?.close();
      await test?.drop();
      await removeFolder(scratch);
    }
  });
  return house;
}

/** A service that the agent of the fault tests builds. */
export const smallSpec =
  (revision: number, more = "") =>
  (port: number): string =>
    `---
port: ${port}
---
# Small

## Purpose

Says its revision.

## Requirements

- It answers with its revision. Revision ${revision}. ${more}

## API Specs

- \`GET /\` answers {"revision": ${revision}}
- \`GET /health\` answers 200

## Dependencies

- none

## Success Criteria

- All tests pass
`;

/** A service that scaffold accepts. */
export const notesSpec = (port: number): string => `---
port: ${port}
---
# Notes

## Purpose

Keeps short notes.

## Requirements

- \`GET /notes\` lists the notes.
- \`POST /notes\` adds a note.
- The notes are stored on disk.

## API Specs

### Note

| Property | Type | Required | Constraints |
| --- | --- | --- | --- |
| text | string | yes | 1-200 characters |

### Endpoints

\`\`\`
GET /notes
POST /notes
GET /health
\`\`\`

## Dependencies

- none

## Success Criteria

- Every endpoint is covered by tests
`;

/** Asks until the answer is there; the last one is in the error. */
export async function until<T>(
  what: string,
  ask: () => Promise<T>,
  { holds, withinMs = 30_000, everyMs = 50 }: { holds: (answer: T) => boolean; withinMs?: number; everyMs?: number },
): Promise<T> {
  const deadline = performance.now() + withinMs;
  let last: unknown;
  for (;;) {
    try {
      const answer = await ask();
      if (holds(answer)) return answer;
      last = answer;
    } catch (error) {
      last = error;
    }
    if (performance.now() > deadline)
      throw new Error(`${what}: not within ${withinMs / 1000} s. Last seen: ${inspect(last)}`);
    await pause(everyMs);
  }
}

function inspect(value: unknown): string {
  return value instanceof Error ? String(value.stack) : JSON.stringify(value, null, 1);
}

/** What is still ending gets three seconds to do so. */
export async function leftRunning(scratch: string): Promise<string[]> {
  const deadline = performance.now() + 3_000;
  for (;;) {
    const left = processesIn(scratch).map(({ pid, command }) => `${pid} ${command}`);
    if (left.length === 0 || performance.now() > deadline) return left;
    await pause(50);
  }
}

/** Of Linux's process table: those that work in the folder, were started with a path in it, or carry one. */
function processesIn(scratch: string): { pid: number; command: string }[] {
  return readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .map((name) => ({
      pid: Number(name),
      command: quietly(() => readFileSync(`/proc/${name}/cmdline`, "utf8").replaceAll("\0", " ").trim()),
      environment: quietly(() => readFileSync(`/proc/${name}/environ`, "utf8")),
      folder: quietly(() => readlinkSync(`/proc/${name}/cwd`)),
    }))
    .filter(
      ({ command, environment, folder }) =>
        command.includes(`${scratch}/`) || environment.includes(`${scratch}/`) || folder.startsWith(scratch),
    )
    .map(({ pid, command }) => ({ pid, command }));
}

function quietly(read: () => string): string {
  try {
    return read();
  } catch {
    return "";
  }
}

async function exists(path: string): Promise<boolean> {
  return readFile(path).then(
    () => true,
    (error: NodeJS.ErrnoException) => error.code === "EISDIR",
  );
}

/** Of the environment that the tests were started with: nothing that says where another Steward is. */
function inherited(): Record<string, string> {
  const names = ["PATH", "HOME", "USER", "LANG", "TMPDIR", "STEWARD_TEST_RUN", "NODE_COMPILE_CACHE"];
  return Object.fromEntries(names.flatMap((name) => (process.env[name] ? [[name, process.env[name]]] : [])));
}
