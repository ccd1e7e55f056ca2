// A service's production on this machine, for tests: real releases, a real front, real clients.
import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, mkdtemp, readdir, readFile, writeFile } from "node:fs/promises";
import { Agent, get } from "node:http";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { TestContext } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { processTarget } from "./process.ts";
import type { DeployInput, ServiceSettings } from "./target.ts";
import type { ChangeLimits } from "#deploy/production.ts";
import { contentHash } from "#proof/content-hash.ts";
import { endGroup, type ProcessIdentity } from "#system/processes.ts";
import { freePort, removeFolder } from "#system/testing.ts";

const DEPLOYER = fileURLToPath(new URL("deployer.fixture.ts", import.meta.url));

/** Answers its version; counts in its data folder; each kind of sickness is one that services really have. */
const SERVICE = `
import { createServer } from "node:http";
import { appendFileSync } from "node:fs";
import { join } from "node:path";
const version = process.env.SERVICE_VERSION;
console.log("starting", version);
const server = createServer((request, response) => {
  if (request.url === "/crash") process.exit(7);
  if (request.url === "/slow") return void setTimeout(() => response.end(version), 300);
  if (request.url === "/write") { appendFileSync(join(process.env.DATA_DIR, "kept.txt"), version + "\\n"); return void response.end("written"); }
  if (request.url === "/environment") return void response.end(JSON.stringify(process.env));
  if (request.url === "/chatter") { console.log("x".repeat(100_000)); return void response.end("said"); }
  response.end(request.url === "/health" ? "well" : version);
});
server.listen(Number(process.env.PORT), process.env.HOST);
`;

export async function house(
  t: TestContext,
  limits: Partial<ChangeLimits> = {},
  {
    keep = 5,
    hostEnvironment = process.env,
  }: { keep?: number; hostEnvironment?: Record<string, string | undefined> } = {},
) {
  const folder = await mkdtemp(join(tmpdir(), "steward-deploy-"));
  const root = join(folder, "production");
  const settings: ServiceSettings = { service: "quotes", publicPort: await freePort() };
  const target = processTarget({
    root,
    hostEnvironment,
    keep,
    limits: { confirmEveryMs: 20, drainMs: 3_000, quietMs: 100, graceMs: 1_000, ...limits },
  });
  t.after(async () => {
    await target.stop(settings, { forGood: true });
    await removeFolder(folder);
  });

  /** Proved content with this version's code. */
  const release = async (version: string, files: Record<string, string> = {}): Promise<DeployInput> => {
    const content = join(folder, "proved", version);
    await writeTree(content, { "package.json": '{"type":"module"}', "src/main.js": SERVICE, ...files });
    return { settings, version, content, contentHash: await contentHash(content), hashContent: contentHash };
  };
  const url = `http://127.0.0.1:${settings.publicPort}`;
  const place = join(root, settings.service);

  /** Deploys in a process of its own, which is killed before this step. */
  const killedAt = async (step: string, { version, content }: DeployInput) => {
    const order = { root, settings, version, content, step };
    const deployer = spawn(process.execPath, [DEPLOYER, JSON.stringify(order)], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    const [, signal] = await once(deployer, "exit");
    assert.equal(signal, "SIGKILL", "the deploy was not killed: is the step's name right?");
  };
  const readIdentity = async (what: "front" | "release") => {
    const [run] = await readdir(join(place, "running"));
    const path = what === "front" ? join(place, "front", "front.json") : join(place, "running", run ?? "");
    return JSON.parse(await readFile(path, "utf8")) as ProcessIdentity;
  };
  const kill = async (what: "front" | "release") => {
    const identity = await readIdentity(what);
    await endGroup(identity.pid);
  };
  const runs = async () => {
    const names = await readdir(join(place, "running")).catch(() => []);
    return names.map((name) => name.replace(/\.json$/, ""));
  };
  return {
    folder,
    root,
    place,
    settings,
    target,
    release,
    url,
    ask: (path: string) => ask(url + path),
    hammer: () => hammer(t, url),
    killedAt,
    kill,
    runs,
  };
}

export async function writeTree(folder: string, files: Record<string, string>): Promise<void> {
  for (const [path, text] of Object.entries(files)) {
    await mkdir(dirname(join(folder, path)), { recursive: true });
    await writeFile(join(folder, path), text);
  }
}

export async function ask(url: string, agent?: Agent): Promise<string> {
  return new Promise((resolve, reject) => {
    const request = get(url, { agent: agent ?? false, timeout: 10_000 }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (piece: string) => (text += piece));
      response.on("end", () =>
        response.statusCode === 200 ? resolve(text) : reject(new Error(`${response.statusCode}`)),
      );
      response.on("error", reject);
    });
    request.on("timeout", () => request.destroy(new Error("no answer in 10 s")));
    request.on("error", reject);
  });
}

/** Clients that ask again and again: two with a new connection each time, two that keep theirs, one that asks slowly. */
function hammer(t: TestContext, url: string) {
  const failed: string[] = [];
  const seen = new Set<string>();
  let answers = 0;
  let stopped = false;
  let told = Promise.withResolvers<void>();
  const client = async (path: string, agent?: Agent) => {
    while (!stopped) {
      try {
        seen.add(await ask(url + path, agent));
        answers += 1;
      } catch (error) {
        if (failed.length < 10) failed.push(String(error));
      }
      told.resolve();
      // A few hundred requests a second hit every moment of a switch; more only takes the processor from what is tested.
      await pause(20);
      told = Promise.withResolvers();
    }
  };
  t.after(() => (stopped = true));
  const pool = new Agent({ keepAlive: true });
  const clients = [client("/a"), client("/b"), client("/c", pool), client("/d", pool), client("/slow", pool)];
  return {
    seen: async (answer: string) => {
      while (!seen.has(answer) && !stopped) await told.promise;
    },
    stop: async () => {
      stopped = true;
      await Promise.all(clients);
      pool.destroy();
      return { failed, answers };
    },
  };
}
