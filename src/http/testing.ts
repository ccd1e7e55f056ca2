import { mkdtemp } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createTestDatabase } from "#db/testing.ts";
import { makeHouse } from "#dispatch/testing.ts";
import { seal } from "#ledger/seal.ts";
import { systemClock } from "#system/clock.ts";
import { silentLog } from "#system/log.ts";
import { removeFolder } from "#system/testing.ts";
import { clientFor } from "./client.ts";
import type { Answer, Commands, HttpContext } from "./context.ts";
import { startServer } from "./server.ts";
import { ownerToken } from "./token.ts";

/** A real server on a free port, on a test database, with a workspace and a home of its own. */
export async function openTestServer(
  t: { after(fn: () => Promise<void>): void },
  overrides: Partial<HttpContext> = {},
) {
  const { database, adminUrl, drop } = await createTestDatabase();
  const house = await makeHouse(database);
  const folder = await mkdtemp(join(tmpdir(), "steward-http-"));
  const home = join(folder, "home");
  const secrets = new Map<string, string>();
  const calls: string[] = [];
  const context: HttpContext = {
    database,
    tenantId: house.tenantId,
    clock: systemClock,
    log: silentLog,
    home,
    host: "127.0.0.1",
    port: 0,
    workspace: folder,
    version: "0.0.0-test",
    commands: recordedCommands(calls, secrets),
    rules: () => ({
      file: join(folder, "steward.yaml"),
      version: "0",
      since: new Date(0),
      broken: null,
      approval: null,
    }),
    troubles: () => [],
    publishedHeads: async () => [],
    ...overrides,
  };
  const server = await startServer(context);
  t.after(async () => {
    await server.stop();
    await drop();
    await removeFolder(folder);
  });
  const token = await ownerToken(home);
  return {
    ...house, context, server, url: server.url, token, home, folder, calls, secrets, adminUrl,
    client: clientFor({ url: server.url, credential: token, version: "test" }),
    ask: (path: string, init: Omit<RequestInit, "headers"> & { headers?: Record<string, string> } = {}) =>
      fetch(`${server.url}${path}`, { ...init, headers: { authorization: `Bearer ${token}`, ...init.headers } }),
    /** Seals all that is pending, as the running house does all the time. */
    seal: async () => {
      while ((await seal(database.engine)).sealed > 0);
    },
  }; // prettier-ignore
}

export type TestServer = Awaited<ReturnType<typeof openTestServer>>;

/** The commands belong to main.ts; here each call is written down. */
function recordedCommands(calls: string[], secrets: Map<string, string>): Commands {
  const done = (words: string, message: string): Promise<Answer> => {
    calls.push(words);
    return Promise.resolve({ ok: true, message, ticket: null, version: null });
  };
  return {
    look: async (service) => void calls.push(`look ${service ?? "everywhere"}`),
    checkNow: (service) => done(`check ${service}`, `${service} is asked for a verdict`),
    deployNow: (service) => done(`deploy ${service}`, `${service} is asked to be deployed`),
    rollback: (service, version) => done(`rollback ${service} ${version ?? "one back"}`, `${service} is back`),
    stopProduction: (service) => done(`stop ${service}`, `${service} is stopped`),
    setSecret: async (service, name, value) => void secrets.set(`${service} ${name}`, value),
    removeSecret: async (service, name) => void secrets.delete(`${service} ${name}`),
    secretNames: async (service) =>
      [...secrets.keys()].filter((key) => key.startsWith(`${service} `)).map((key) => key.slice(service.length + 1)),
    productionLog: async () => null,
  };
}
