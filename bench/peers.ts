import { spawn } from "node:child_process";
import { createRequire } from "node:module";
import { readFile, writeFile } from "node:fs/promises";
import { delimiter, dirname, join } from "node:path";
import { pathToFileURL } from "node:url";

/**
 * The libraries that Steward is measured beside. They have a package.json and lockfile of their own, and are installed
 * on the first bench: whoever only uses Steward never downloads them.
 */
const folder = join(import.meta.dirname, "peers");
const marker = join(folder, "node_modules", ".installed");

/** What is used of pg-boss 12. */
export type PgBoss = {
  start(): Promise<unknown>;
  stop(options: { graceful: boolean; close?: boolean }): Promise<void>;
  on(event: "error", heard: (error: Error) => void): void;
  createQueue(name: string): Promise<void>;
  insert(name: string, jobs: { data: object }[]): Promise<unknown>;
  fetch(name: string, options: { batchSize: number }): Promise<{ id: string }[]>;
  complete(name: string, ids: string[]): Promise<unknown>;
};
export type PgBossModule = { PgBoss: new (options: Record<string, unknown>) => PgBoss };

/** What is used of graphile-worker 0.18. */
export type GraphileWorkerModule = {
  run(options: Record<string, unknown>): Promise<{ stop(): Promise<void>; promise: Promise<void> }>;
  makeWorkerUtils(options: { connectionString: string }): Promise<{
    migrate(): Promise<void>;
    addJobs(jobs: { identifier: string; payload: object }[]): Promise<unknown>;
    release(): Promise<void>;
  }>;
  Logger: new (factory: () => () => void) => unknown;
};

export async function loadPeer<T>(name: "pg-boss" | "graphile-worker"): Promise<{ module: T; version: string }> {
  const require = createRequire(join(folder, "package.json"));
  const module = (await import(pathToFileURL(require.resolve(name)).href)) as T;
  const manifest = JSON.parse(await readFile(join(folder, "node_modules", name, "package.json"), "utf8")) as {
    version: string;
  };
  return { module, version: manifest.version };
}

/** Installs them as their lockfile says, if that was not done yet. */
export async function installPeers(say: (text: string) => void): Promise<void> {
  const wanted = await readFile(join(folder, "package-lock.json"), "utf8");
  if ((await readFile(marker, "utf8").catch(() => "")) === wanted) return;
  say("installing what Steward is measured beside (once) …");
  await npmCi();
  await writeFile(marker, wanted);
}

/** npm runs under this very Node: under an older one it picks other versions than the lockfile's. */
async function npmCi(): Promise<void> {
  const args = ["ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"];
  const env = { ...process.env, PATH: `${dirname(process.execPath)}${delimiter}${process.env["PATH"] ?? ""}` };
  const child = spawn("npm", args, { cwd: folder, env, stdio: ["ignore", 2, 2] });
  await new Promise<void>((resolve, reject) => {
    child.once("error", reject);
    child.once("close", (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ci in ${folder} ended with exit code ${code}`)),
    );
  });
}
