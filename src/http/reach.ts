import { Failure } from "#system/failure.ts";
import { portOwner } from "#system/port-owner.ts";
import type { ServerFile } from "./server-file.ts";

/** Every answer of ours carries it, refusals too, with the version. */
export const stewardHeader = "x-steward";

/** Longer than it waits for a database that is away before it says so. */
const PATIENCE_MS = 10_000;

/**
 * That it is a Steward that answers where its file says: a process can live and be stuck, and a port can be somebody
 * else's by now. Throws a Failure "unreachable" that says which, with what to do.
 */
export async function reach(
  { url, pid }: Pick<ServerFile, "url" | "pid">,
  { patienceMs = PATIENCE_MS } = {},
): Promise<void> {
  const unreachable = (what: string, cause?: unknown) =>
    new Failure("unreachable", `${what} \`steward doctor\` says more; \`steward down\`, then \`steward up\` begins anew.`, {
      cause,
    }); // prettier-ignore
  let response: Response;
  try {
    response = await fetch(`${url}/api/health`, { signal: AbortSignal.timeout(patienceMs) });
    await response.arrayBuffer();
  } catch (error) {
    const silent = error instanceof DOMException && error.name === "TimeoutError";
    throw silent
      ? unreachable(`Steward at ${url} (process ${pid}) lives and has not answered for ${patienceMs / 1000} s.`, error)
      : unreachable(`Steward (process ${pid}) lives and does not answer at ${url}.`, error);
  }
  if (response.headers.has(stewardHeader)) return;
  const owner = portOwner(Number(new URL(url).port));
  const who = owner === null ? "Something else" : `Process ${owner.pid} (${owner.command})`;
  throw unreachable(`${who} answers at ${url}, and it is not Steward.`);
}
