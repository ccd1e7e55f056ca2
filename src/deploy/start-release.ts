import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { mkdir, readdir, rm } from "node:fs/promises";
import { createServer } from "node:net";
import { dirname, delimiter, join } from "node:path";
import { readState, serviceFolder, type ServiceFolder } from "./service-folder.ts";
import { OUR_NODE, PORT_WORD, startCommandOf, type StartCommand } from "./start-command.ts";
import { SickRelease } from "./sick-release.ts";
import { writeFileAtomic } from "#system/files.ts";
import { bootId, endGroup, isAlive, startTimeOf, sweepMarked, type ProcessIdentity } from "#system/processes.ts";

/** A release that was started: where it answers, and which process it is. */
export type RunningRelease = ProcessIdentity & {
  run: string;
  version: string;
  port: number;
  startedAt: string;
  log: string;
};

export type StartRequest = {
  /** The id of this start, written down by the caller before: whatever it leaves behind is found by it. */
  run: string;
  version: string;
  start?: string | undefined;
  /** The service's own settings, then its secrets: both only ever in the environment of its process. */
  env: Record<string, string>;
  secrets: Record<string, string>;
};

export type StartedRelease = RunningRelease & {
  /** Why it ended, once it has; undefined while it runs, or for one that an earlier process of ours started. */
  ended(): string | undefined;
};

/** Every process of a release carries its run under this name, wherever it goes. */
export const RUN_MARK = "STEWARD_RUN";

/** What a service may know of the machine. Not Steward's own settings and keys, nor the owner's. */
const PASSED_ON = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];

/**
 * Starts a release as a process group of its own that outlives us, on a free private port. Asked again for the same
 * run, it returns the process that is there, or ends what is left of it and starts anew.
 */
export async function startRelease(
  root: string,
  folder: ServiceFolder,
  request: StartRequest,
  { hostEnvironment }: { hostEnvironment: Record<string, string | undefined> },
): Promise<StartedRelease> {
  const running = (await readRunning(folder)).find(({ run }) => run === request.run);
  if (running !== undefined && isAlive(running)) return { ...running, ended: () => undefined };
  await sweepMarked(RUN_MARK, request.run);

  const release = join(folder.releases, request.version);
  const command = await startCommandOf(release, { service: folder.service, start: request.start });
  const port = await freePort(await reservedPorts(root));
  await Promise.all([folder.data, folder.logs, folder.running].map((path) => mkdir(path, { recursive: true })));
  const log = join(folder.logs, `${request.version}.log`);
  const { program, args } = commandLine(command, port);
  const logFile = openSync(log, "a", 0o600);
  const child = spawn(program, args, {
    cwd: join(release, command.folder),
    detached: true,
    stdio: ["ignore", logFile, logFile],
    env: {
      ...passedOn(hostEnvironment),
      ...request.env,
      ...request.secrets,
      PORT: String(port),
      HOST: "127.0.0.1",
      DATA_DIR: folder.data,
      SERVICE_NAME: folder.service,
      SERVICE_VERSION: request.version,
      NODE_ENV: "production",
      // Releases are read-only.
      PYTHONDONTWRITEBYTECODE: "1",
      PYTHONUNBUFFERED: "1",
      [RUN_MARK]: request.run,
    },
  });
  closeSync(logFile);
  let ended: string | undefined;
  child.once("exit", (code, signal) => (ended = signal === null ? `exit code ${code}` : `signal ${signal}`));
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) =>
      reject(new SickRelease("invalid", `${folder.service} ${request.version} cannot be started: ${error.message}`)),
    );
  });
  child.unref();
  const state: RunningRelease = {
    run: request.run,
    version: request.version,
    pid: child.pid!,
    // Null if it ended at once: then it is dead under any start time.
    startTime: startTimeOf(child.pid!) ?? "",
    bootId: bootId(),
    port,
    startedAt: new Date().toISOString(),
    log,
  };
  await writeFileAtomic(join(folder.running, `${request.run}.json`), `${JSON.stringify(state, null, 2)}\n`);
  return { ...state, ended: () => ended };
}

/** Everything that was started and not yet ended by us, alive or not. */
export async function readRunning(folder: ServiceFolder): Promise<RunningRelease[]> {
  const names = await readdir(folder.running).catch(() => []);
  const states = await Promise.all(
    names.filter((name) => name.endsWith(".json")).map((name) => readState<RunningRelease>(join(folder.running, name))),
  );
  return states.filter((state) => state !== null);
}

/** Ends a release with everything it started, and forgets it. May be called for one that is gone. */
export async function endRelease(
  folder: ServiceFolder,
  release: RunningRelease,
  { graceMs = 5_000 } = {},
): Promise<void> {
  if (isAlive(release)) await endGroup(release.pid, { graceMs });
  // Children that made their own session, or a group whose leader died.
  await sweepMarked(RUN_MARK, release.run, { graceMs: Math.min(graceMs, 1_000) });
  await rm(join(folder.running, `${release.run}.json`), { force: true });
}

function commandLine(command: StartCommand, port: number): { program: string; args: string[] } {
  if ("shell" in command) return { program: "/bin/sh", args: ["-c", command.shell] };
  const [program = "", ...args] = command.program;
  return {
    program: program === OUR_NODE ? process.execPath : program,
    args: args.map((word) => (word === PORT_WORD ? String(port) : word)),
  };
}

function passedOn(hostEnvironment: Record<string, string | undefined>): Record<string, string> {
  const passed: Record<string, string> = {};
  for (const name of PASSED_ON) {
    const value = hostEnvironment[name];
    if (value !== undefined) passed[name] = value;
  }
  passed["PATH"] = [dirname(process.execPath), passed["PATH"] ?? "/usr/local/bin:/usr/bin:/bin"].join(delimiter);
  return passed;
}

/**
 * A port that is free now. Somebody may take it before the release does: then the release does not come up on it, and
 * is started once more. Ports of our other releases are left out even while those are down: their fronts still knock.
 */
async function freePort(reserved: ReadonlySet<number>): Promise<number> {
  for (;;) {
    const port = await new Promise<number>((resolve, reject) => {
      const server = createServer();
      server.once("error", reject);
      server.listen({ host: "127.0.0.1", port: 0 }, () => {
        const address = server.address();
        server.close(() =>
          typeof address === "object" && address ? resolve(address.port) : reject(new Error("no port")),
        );
      });
    });
    if (!reserved.has(port)) return port;
  }
}

async function reservedPorts(root: string): Promise<Set<number>> {
  const services = await readdir(root, { withFileTypes: true }).catch(() => []);
  const folders = services.filter((entry) => entry.isDirectory() && !entry.name.startsWith("."));
  const running = await Promise.all(folders.map(({ name }) => readRunning(serviceFolder(root, name))));
  return new Set(running.flat().map(({ port }) => port));
}
