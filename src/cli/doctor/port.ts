import { createServer } from "node:net";
import { findServer } from "#http/server-file.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";
import { portOwner } from "#system/port-owner.ts";
import { fail, ok, type Finding, type Patient } from "./finding.ts";

/** Whether Steward runs here, or could: its port is free, or its own. */
export async function checkPort({ settings: { home, host, port } }: Patient): Promise<Finding[]> {
  const server = await findServer(home);
  if (server) return [await answers(server.url, server.pid)];
  const problem = await whyNotFree(host, port);
  if (problem === null) return [ok("server", `not running; port ${port} is free`)];
  const owner = portOwner(port);
  return [
    fail(
      "server",
      `port ${port} ${problem}${owner ? `: process ${owner.pid} (${owner.command})` : ""}`,
      "end that, or choose another: STEWARD_PORT=8901 steward up",
    ),
  ];
}

async function answers(url: string, pid: number): Promise<Finding> {
  try {
    const { ok: well, status } = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(5_000) });
    if (well) return ok("server", `running at ${url}, process ${pid}`);
    return fail(
      "server",
      `process ${pid} at ${url} answers ${status}`,
      "its log says why; `steward down` and `steward up` begin anew",
    );
  } catch (error) {
    return fail("server", `process ${pid} does not answer at ${url}: ${messageOf(error)}`, "`steward down` ends it");
  }
}

function whyNotFree(host: string, port: number): Promise<string | null> {
  return new Promise((resolve) => {
    const probe = createServer();
    probe.once("error", (error) =>
      resolve(hasErrorCode(error, "EADDRINUSE") ? "is in use" : `cannot be opened (${messageOf(error)})`),
    );
    probe.listen({ host: host === "localhost" ? "127.0.0.1" : host, port }, () => probe.close(() => resolve(null)));
  });
}
