import { spawn } from "node:child_process";
import { writeFileSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { DeployResult, DeployTarget, Progress, ServiceSettings } from "./target.ts";
import { whileAlone } from "#deploy/change.ts";
import { secondsSince } from "#deploy/make-change.ts";
import { readState, serviceFolder } from "#deploy/service-folder.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { bootId, endGroup, isAlive, startTimeOf, sweepMarked, type ProcessIdentity } from "#system/processes.ts";
import { redact } from "#system/redact.ts";

/** What the owner's commands see of the machine without being asked; more by name in passEnvironment. */
const PASSED_ON = ["PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR", "SSL_CERT_FILE", "SSL_CERT_DIR"];
const OUTPUT_CHARACTERS = 64 * 1024;
const COMMAND_MARK = "STEWARD_COMMAND";

export type CommandLimits = { deployMs: number; statusMs: number; graceMs: number };
export const COMMAND_LIMITS: CommandLimits = { deployMs: 15 * 60_000, statusMs: 30_000, graceMs: 5_000 };

/**
 * Production is wherever the owner's own commands put it. They run in a shell, in the proved content, with SERVICE,
 * VERSION and, where a port is stated, PORT set; exit code 0 is success, and for `status` health. A status command may
 * print which version serves, as a line "VERSION=v3"; then what is recorded follows it. Where they keep running what
 * they started is theirs. One change at a time per service; one that an earlier Steward left running is ended first.
 */
export function commandTarget({
  root,
  hostEnvironment,
  workingFolder,
  limits = {},
}: {
  /** Where it is noted which of the commands that change something runs. */
  root: string;
  hostEnvironment: Record<string, string | undefined>;
  /** Where status and rollback run: the service's folder. */
  workingFolder(service: string): string;
  limits?: Partial<CommandLimits>;
}): DeployTarget {
  const { deployMs, statusMs, graceMs } = { ...COMMAND_LIMITS, ...limits };
  const run = (
    settings: ServiceSettings,
    command: string,
    { noted, ...request }: { version: string; cwd?: string; withinMs: number; noted?: string },
  ) =>
    runCommand(command, {
      ...(noted !== undefined && { noted }),
      cwd: request.cwd ?? workingFolder(settings.service),
      env: environmentOf(settings, request.version, hostEnvironment),
      withinMs: request.withinMs,
      graceMs,
      secrets: Object.values(settings.secrets ?? {}),
    });
  /** One that changes production: alone, and known to whoever comes after a crash. */
  const change = async <T>(settings: ServiceSettings, what: string, work: () => Promise<T>): Promise<T> => {
    const folder = serviceFolder(root, settings.service);
    return whileAlone(folder, what, async () => {
      await endLeftover(folder.path, graceMs);
      return work();
    });
  };
  const runAlone: typeof run = (settings, command, request) =>
    run(settings, command, { ...request, noted: serviceFolder(root, settings.service).path });
  const missing = (settings: ServiceSettings, name: string) =>
    new Failure(
      "invalid",
      `${settings.service} has no ${name} command: set \`deploy: ${name}:\` in its steward.yaml, or do it by hand`,
    );

  const goBack = async (
    { settings, toVersion }: { settings: ServiceSettings; toVersion?: string | undefined },
    progress: Progress,
  ): Promise<DeployResult> => {
    const command = settings.commands?.rollback;
    if (command === undefined) throw missing(settings, "rollback");
    const startedAt = performance.now();
    await progress("rollback", `Running: ${command}`);
    const ran = await runAlone(settings, command, { version: toVersion ?? "", withinMs: deployMs });
    const reason = ran.ok ? "The rollback command succeeded" : `The rollback command ${ran.why}`;
    return { ...resultOf(ran, toVersion ?? null, reason), seconds: secondsSince(startedAt) };
  };

  const statusOf = async (settings: ServiceSettings, version: string) => {
    const command = settings.commands?.status;
    if (command === undefined) return null;
    const startedAt = performance.now();
    const ran = await run(settings, command, { version, withinMs: statusMs });
    const latencyMs = Math.round(performance.now() - startedAt);
    return { ok: ran.ok, reason: `The status command ${ran.why}`, latencyMs, ran, version: versionIn(ran.tail) };
  };

  return {
    kind: "command",
    can: ({ commands }) => ({ restart: false, rollback: commands?.rollback !== undefined }),

    async deploy({ settings, version, content, contentHash, hashContent, previous, resumed }, progress) {
      const command = settings.commands?.deploy;
      if (command === undefined) throw missing(settings, "deploy");
      const startedAt = performance.now();
      const took = (result: Omit<DeployResult, "seconds">) => ({ ...result, seconds: secondsSince(startedAt) });
      await progress("check", "Comparing the content with what was proved");
      if ((await hashContent(content)) !== contentHash) {
        throw new Failure("conflict", `${settings.service}: ${content} is not what was proved: it needs a new verdict`);
      }
      return change(settings, "deploy", async () => {
        if (resumed) {
          await progress("status", "Asking whether it was deployed before it was broken off");
          const before = await statusOf(settings, version);
          if (before?.ok && before.version === version)
            return took(resultOf(before.ran, version, `${version} is in production already`));
        }
        await progress("deploy", `Running: ${command}`);
        const ran = await runAlone(settings, command, { version, cwd: content, withinMs: deployMs });
        if (!ran.ok) return took(resultOf(ran, null, `The deploy command ${ran.why}`));
        await progress("status", "Asking whether it is healthy");
        const status = await statusOf(settings, version);
        if (status?.ok !== false) {
          const reason =
            status === null ? "The deploy command succeeded; there is no status command" : "Deployed and healthy";
          return took(resultOf(ran, version, reason));
        }
        const sick = resultOf(status.ran, null, `Deployed, but ${lowerFirst(status.reason)}`);
        if (settings.commands?.rollback === undefined) return took(sick);
        const back = await goBack({ settings, toVersion: previous ?? undefined }, progress);
        return took({ ...sick, serving: back.serving, reason: `${sick.reason}. ${back.reason}` });
      });
    },

    rollback: ({ settings, toVersion }, progress) =>
      change(settings, "rollback", () => goBack({ settings, toVersion }, progress)),

    async restart(settings) {
      throw new Failure("invalid", `${settings.service} is deployed by the owner's command: Steward cannot restart it`);
    },

    async recover(settings) {
      const status = await statusOf(settings, "");
      return {
        ok: status?.ok ?? true,
        serving: status?.version ?? null,
        before: null,
        reason: status?.reason ?? "There is no status command",
        logTail: status?.ran.tail ?? [],
        url: null,
        seconds: (status?.latencyMs ?? 0) / 1000,
      };
    },

    async status(settings) {
      const none = {
        version: null,
        contentHash: null,
        stopped: false,
        brokenOff: null,
        gone: false,
        url: null,
      } as const;
      const status = await statusOf(settings, "");
      if (status === null)
        return { ...none, healthy: true, reason: "There is no status command: not checked", latencyMs: null };
      const { ok: healthy, version, reason, latencyMs } = status;
      return { ...none, version, healthy, reason, latencyMs };
    },

    lastLines: () => Promise.resolve([]),

    async stop(settings) {
      const command = settings.commands?.stop;
      if (command === undefined) throw missing(settings, "stop");
      const ran = await change(settings, "stop", () =>
        runAlone(settings, command, { version: "", withinMs: deployMs }),
      );
      if (!ran.ok) throw new Failure("unavailable", `${settings.service}: the stop command ${ran.why}`);
    },
  };
}

/** The version that a status command says, by its last word on it. */
function versionIn(lines: string[]): string | null {
  const said = lines.map((line) => /^\s*VERSION\s*[=:]\s*"?([A-Za-z0-9][\w.+-]{0,99})"?\s*$/i.exec(line)?.[1]);
  return said.findLast((version) => version !== undefined) ?? null;
}

type Running = ProcessIdentity & { mark: string };

const noteIn = (folder: string): string => join(folder, "command.json");

/** What an earlier Steward left in the middle of it is ended as one that takes too long is: two at once would mix. */
async function endLeftover(folder: string, graceMs: number): Promise<void> {
  const left = await readState<Running>(noteIn(folder));
  if (left !== null && isAlive(left)) {
    await endGroup(left.pid, { graceMs });
    await sweepMarked(COMMAND_MARK, left.mark);
  }
  await rm(noteIn(folder), { force: true });
}

type Ran = { ok: boolean; why: string; tail: string[] };

/** Bounded in time and output; ends with everything that it started in its group. */
async function runCommand(
  command: string,
  {
    cwd,
    env,
    withinMs,
    graceMs,
    secrets,
    noted,
  }: {
    cwd: string;
    env: Record<string, string>;
    withinMs: number;
    graceMs: number;
    secrets: string[];
    /** The folder in which it is noted while it runs. */
    noted?: string;
  },
): Promise<Ran> {
  if (!(await stat(cwd).catch(() => null))?.isDirectory())
    return { ok: false, why: `could not be run: there is no folder ${cwd}`, tail: [] };
  const mark = uuidv7();
  const child = spawn("/bin/sh", ["-c", command], {
    cwd,
    env: { ...env, [COMMAND_MARK]: mark },
    detached: true,
    stdio: ["ignore", "pipe", "pipe"],
  });
  // At once: from here on a crash leaves it running.
  if (noted !== undefined && child.pid !== undefined) {
    const identity = { pid: child.pid, startTime: startTimeOf(child.pid) ?? "", bootId: bootId() };
    writeFileSync(noteIn(noted), JSON.stringify({ ...identity, mark } satisfies Running));
  }
  let said = "";
  const hear = (piece: string) => (said = (said + piece).slice(-OUTPUT_CHARACTERS));
  child.stdout.setEncoding("utf8").on("data", hear);
  child.stderr.setEncoding("utf8").on("data", hear);
  const late: Promise<unknown>[] = [];
  const clock = setTimeout(() => {
    if (child.pid !== undefined)
      late.push(endGroup(child.pid, { graceMs }).then(() => sweepMarked(COMMAND_MARK, mark)));
  }, withinMs);
  // "exit", not "close": a command that starts a daemon leaves its output open.
  const [code, signal] = await new Promise<[number | null, string]>((resolve) => {
    child.once("error", (error) => resolve([null, error.message]));
    child.once("exit", (exitCode, exitSignal) => setImmediate(() => resolve([exitCode, exitSignal ?? ""])));
  });
  clearTimeout(clock);
  await Promise.all(late);
  if (noted !== undefined) await rm(noteIn(noted), { force: true });
  child.stdout.destroy();
  child.stderr.destroy();
  const tail = redact(said, secrets)
    .split("\n")
    .filter((line) => line.trim() !== "")
    .slice(-20);
  if (late.length > 0) return { ok: false, why: `was stopped: it ran longer than ${withinMs / 1000} s`, tail };
  if (code === 0) return { ok: true, why: "ended with exit code 0", tail };
  return { ok: false, why: code === null ? `ended by ${signal}` : `ended with exit code ${code}`, tail };
}

function environmentOf(settings: ServiceSettings, version: string, host: Record<string, string | undefined>) {
  const env: Record<string, string> = {};
  for (const name of [...PASSED_ON, ...(settings.passEnvironment ?? [])]) {
    const value = host[name];
    if (value !== undefined) env[name] = value;
  }
  return {
    ...env,
    ...settings.env,
    ...settings.secrets,
    ...(settings.publicPort !== null && { PORT: String(settings.publicPort) }),
    SERVICE: settings.service,
    VERSION: version,
  };
}

function resultOf(ran: Ran, serving: string | null, reason: string): Omit<DeployResult, "seconds"> {
  return {
    ok: ran.ok,
    serving: ran.ok ? serving : null,
    before: null,
    reason,
    logTail: ran.tail,
    url: null,
  };
}

function lowerFirst(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1);
}
