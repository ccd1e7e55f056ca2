import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { messageOf } from "#system/failure.ts";

export type ProbeResult = { ok: boolean; status: number | null; reason: string; latencyMs: number };

/** Of an answer's body this much is read: enough for any health page, and nothing that a sick service can fill us with. */
const MAX_BODY_BYTES = 64 * 1024;

/**
 * Asks a service whether it is well: GET, and only 200 within the time, body and all, is yes. A redirect is not
 * followed: it would say that something else is well. `lookup`: where the host's name may lead. Never throws.
 */
export function probe(
  url: string,
  { timeoutMs = 5_000, lookup }: { timeoutMs?: number; lookup?: LookupFunction } = {},
): Promise<ProbeResult> {
  const startedAt = performance.now();
  return new Promise((resolve) => {
    let status: number | null = null;
    const finish = (ok: boolean, reason: string) => {
      clearTimeout(timer);
      request?.destroy();
      resolve({ ok, status, reason, latencyMs: Math.round((performance.now() - startedAt) * 10) / 10 });
    };
    const timer = setTimeout(
      () => finish(false, `GET ${url} was not answered within ${timeoutMs / 1000} s`),
      timeoutMs,
    );
    const request = startRequest(url, finish, lookup);
    request?.on("response", (response) => {
      status = response.statusCode ?? null;
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > MAX_BODY_BYTES) finish(status === 200, answerOf(url, status));
      });
      response.on("end", () => finish(status === 200, answerOf(url, status)));
      response.on("error", (error) => finish(false, `GET ${url} broke off: ${reasonOf(error)}`));
    });
    request?.on("error", (error) => finish(false, `GET ${url} failed: ${reasonOf(error)}`));
    request?.end();
  });
}

function startRequest(url: string, finish: (ok: boolean, reason: string) => void, lookup?: LookupFunction) {
  try {
    // agent: false → a connection of its own that is closed after: a pooled one would say nothing about new clients.
    const start = new URL(url).protocol === "https:" ? requestHttps : requestHttp;
    return start(url, {
      agent: false,
      headers: { "user-agent": "steward-probe", accept: "*/*" },
      ...(lookup && { lookup }),
    });
  } catch (error) {
    queueMicrotask(() => finish(false, `${url} cannot be asked: ${messageOf(error)}`));
    return undefined;
  }
}

function answerOf(url: string, status: number | null): string {
  return `GET ${url} answered ${status}${status === 200 ? "" : ", not 200"}`;
}

function reasonOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? String(error.code) : "";
  const plain: Record<string, string> = {
    ECONNREFUSED: "nothing listens there (connection refused)",
    ECONNRESET: "the connection was reset",
    ENOTFOUND: "the host is not known",
    EHOSTUNREACH: "the host cannot be reached",
    ETIMEDOUT: "the connection timed out",
  };
  return plain[code] ?? messageOf(error);
}
