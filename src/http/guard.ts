import type { FastifyRequest } from "fastify";
import { Failure } from "#system/failure.ts";
import type { Caller, HttpContext } from "./context.ts";
import { isRunKey, refuseRunKey } from "./run-key.ts";
import { sameSecret } from "./token.ts";

const LOOPBACK = new Set(["127.0.0.1", "localhost", "[::1]"]);

/**
 * Only names of this machine: a web page whose name was made to point here (DNS rebinding) brings its own. The port is
 * not looked at, so that a forwarded one works.
 */
export function refuseForeignHost({ headers }: FastifyRequest): void {
  const name = /^(.+?)(:\d+)?$/.exec(headers.host ?? "")?.[1]?.toLowerCase();
  if (name === undefined || !LOOPBACK.has(name)) {
    throw new Failure("forbidden", "Ask this server as 127.0.0.1 or localhost: it answers to no other name.");
  }
}

/** A write that a browser sends must come from a page of this server's own; programs send no Origin. */
export function refuseForeignOrigin({ method, headers }: FastifyRequest): void {
  if (method === "GET" || method === "HEAD") return;
  const { origin, host } = headers;
  const site = headers["sec-fetch-site"];
  const foreign =
    (origin !== undefined && origin !== `http://${host}`) ||
    (site !== undefined && site !== "same-origin" && site !== "none");
  if (foreign) throw new Failure("forbidden", "A page of another site may not change anything here.");
}

/** Not known, or not known well enough. Its status is 401, which no Failure has: it is this door's own. */
export class Unauthorized extends Error {
  override readonly name = "Unauthorized";
  readonly statusCode = 401;
}

/** What a run may ask with its own key. */
const RUN_PATHS = /^\/api\/runs\/([0-9a-f-]{36})\/(heartbeat|progress|report)$/;

/** Who asks: the owner by the local token, or a run by its key, for itself and only while it lives. */
export async function identify(
  house: HttpContext,
  { token, secret }: { token: string; secret: string },
  request: FastifyRequest,
): Promise<Caller> {
  const credential = /^Bearer +(\S+)$/i.exec(request.headers.authorization ?? "")?.[1];
  if (credential === undefined) {
    throw new Unauthorized(`This needs a token: send "Authorization: Bearer …" with what is in ${house.home}/token.`);
  }
  if (!isRunKey(credential)) {
    if (!sameSecret(credential, token)) throw new Unauthorized(`That is not the token in ${house.home}/token.`);
    return { kind: "owner", from: request.headers["user-agent"]?.startsWith("steward-cli/") ? "cli" : "api" };
  }
  const path = RUN_PATHS.exec(request.url.split("?")[0] ?? "");
  if (request.method !== "POST" || !path) {
    throw new Failure("forbidden", "A run's key is for its own heartbeat, progress and report, and for nothing else.");
  }
  const runId = path[1]!;
  const refusal = await refuseRunKey(house, { secret, key: credential, runId });
  if (refusal !== null) throw new Failure("forbidden", refusal);
  return { kind: "run", runId };
}
