import { request as requestHttp } from "node:http";
import { request as requestHttps } from "node:https";
import type { LookupFunction } from "node:net";
import { setTimeout as pause } from "node:timers/promises";
import { gate } from "#proof/gate.ts";
import { green, red, type Finding } from "#proof/verdict.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";

/** Between two tries while nothing listens yet: a start is noticed at once, and costs nothing to wait for. */
const RETRY_MS = 50;

/** Of the answer's body this much is read. */
const BODY_LIMIT_BYTES = 64 << 10;

/** Does the service answer `GET /health` with 200, within its time, the waiting for its start included? */
export const healthGate = gate("health", async ({ settings, signal }) => {
  const { port, healthPath, healthTimeoutMs } = settings;
  if (port === undefined) {
    const reason = "no port is known: state it in SPEC.md, steward.yaml or the registry";
    return red("unhealthy", [reason], { durationMs: 0, missing: ["port"] });
  }
  return askHealth({ url: `http://127.0.0.1:${port}${healthPath}`, withinMs: healthTimeoutMs, signal });
});

/**
 * Asks one address until it answers or the time is up. `lookup`: where its host may lead (reach.ts). With `mark`, the
 * finding's facts say whether the answer names it, in its body or the header x-service-version.
 */
export async function askHealth({
  url,
  withinMs,
  signal,
  lookup,
  mark,
}: {
  url: string;
  withinMs: number;
  signal: AbortSignal;
  lookup?: LookupFunction;
  mark?: string;
}): Promise<Finding> {
  const started = performance.now();
  const elapsed = () => Math.round(performance.now() - started);
  const port = new URL(url).port;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(withinMs)]);
  let sawNobody = false;
  for (let attempts = 1; ; attempts += 1) {
    const answer = await ask(url, deadline, lookup);
    const marked = mark === undefined ? {} : { marked: answer.said.includes(mark) };
    const facts = () => ({ durationMs: elapsed(), health: { url, status: answer.status, attempts, ...marked } });
    if (answer.problem === null) return green([`GET ${url} answered 200 in ${elapsed()} ms`], facts());
    sawNobody = answer.mayComeUp || (sawNobody && deadline.aborted);
    if (answer.mayComeUp) await pause(RETRY_MS, undefined, { signal: deadline }).catch(() => {});
    if (signal.aborted) return red("cancelled", ["the health check was called off"], facts());
    if (deadline.aborted) {
      const problem = sawNobody
        ? `nothing listens${port === "" ? "" : ` on port ${port}`}, tried for ${withinMs / 1_000} s`
        : `no answer within ${withinMs / 1_000} s`;
      return red("unhealthy", [`GET ${url}: ${problem}`], facts());
    }
    if (!answer.mayComeUp) return red("unhealthy", [`GET ${url}: ${answer.problem}`], facts());
  }
}

/** `said`: the header that names a version, and of the body what was read. */
type Answer = { status: number | null; problem: string | null; mayComeUp: boolean; said: string };

/** One GET, no redirect followed: one would say that something else is well. Never throws. */
function ask(url: string, signal: AbortSignal, lookup?: LookupFunction): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (status: number | null, error: unknown) =>
      resolve({
        status,
        problem: messageOf(error),
        mayComeUp: hasErrorCode(error, "ECONNREFUSED", "ECONNRESET"),
        said: "",
      });
    const request = url.startsWith("https:") ? requestHttps : requestHttp;
    // agent: false: a kept connection would say nothing about new clients.
    const how = { agent: false, signal, headers: { accept: "*/*" }, ...(lookup && { lookup }) } as const;
    const asking = request(url, how, (response) => {
      const status = response.statusCode ?? null;
      const problem = status === 200 ? null : `answered ${status}, not 200`;
      const done = () => {
        resolve({ status, problem, mayComeUp: false, said });
        asking.destroy();
      };
      let bytes = 0;
      let said = `${String(response.headers["x-service-version"] ?? "")}\n`;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        said += chunk.toString("latin1");
        if (bytes > BODY_LIMIT_BYTES) done();
      });
      response.once("end", done);
      response.once("error", (error) =>
        resolve({ status, problem: `the answer broke off: ${messageOf(error)}`, mayComeUp: false, said }),
      );
    });
    asking.once("error", (error) => fail(null, error));
    asking.end();
  });
}
