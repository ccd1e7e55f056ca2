import { request } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import { gate } from "#proof/gate.ts";
import { green, red } from "#proof/verdict.ts";
import { hasErrorCode, messageOf } from "#system/failure.ts";

/** Between two tries while nothing listens yet: a start is noticed at once, and costs nothing to wait for. */
const RETRY_MS = 50;

/** Of the answer's body this much is read. */
const BODY_LIMIT_BYTES = 64 << 10;

/** Does the service answer `GET /health` with 200, within its time, the waiting for its start included? */
export const healthGate = gate("health", async ({ settings, signal }) => {
  const started = performance.now();
  const { port, healthPath, healthTimeoutMs } = settings;
  const elapsed = () => Math.round(performance.now() - started);
  if (port === undefined) {
    const reason = "no port is known: state it in SPEC.md, steward.yaml or the registry";
    return red("unhealthy", [reason], { durationMs: elapsed(), missing: ["port"] });
  }
  const url = `http://127.0.0.1:${port}${healthPath}`;
  const deadline = AbortSignal.any([signal, AbortSignal.timeout(healthTimeoutMs)]);
  const within = `within ${healthTimeoutMs / 1_000} s`;
  let sawNobody = false;
  for (let attempts = 1; ; attempts += 1) {
    const answer = await ask(url, deadline);
    const facts = () => ({ durationMs: elapsed(), health: { url, status: answer.status, attempts } });
    if (answer.problem === null) return green([`GET ${url} answered 200 in ${elapsed()} ms`], facts());
    sawNobody = answer.mayComeUp || (sawNobody && deadline.aborted);
    if (answer.mayComeUp) await pause(RETRY_MS, undefined, { signal: deadline }).catch(() => {});
    if (signal.aborted) return red("cancelled", ["the health check was called off"], facts());
    if (deadline.aborted) {
      const problem = sawNobody
        ? `nothing listens on port ${port}, tried for ${healthTimeoutMs / 1_000} s`
        : `no answer ${within}`;
      return red("unhealthy", [`GET ${url}: ${problem}`], facts());
    }
    if (!answer.mayComeUp) return red("unhealthy", [`GET ${url}: ${answer.problem}`], facts());
  }
});

type Answer = { status: number | null; problem: string | null; mayComeUp: boolean };

/** One GET, no redirect followed: one would say that something else is well. Never throws. */
function ask(url: string, signal: AbortSignal): Promise<Answer> {
  return new Promise((resolve) => {
    const fail = (status: number | null, error: unknown) =>
      resolve({ status, problem: messageOf(error), mayComeUp: hasErrorCode(error, "ECONNREFUSED", "ECONNRESET") });
    // agent: false: a kept connection would say nothing about new clients.
    const asking = request(url, { agent: false, signal, headers: { accept: "*/*" } }, (response) => {
      const status = response.statusCode ?? null;
      const problem = status === 200 ? null : `answered ${status}, not 200`;
      const done = () => {
        resolve({ status, problem, mayComeUp: false });
        asking.destroy();
      };
      let bytes = 0;
      response.on("data", (chunk: Buffer) => {
        bytes += chunk.length;
        if (bytes > BODY_LIMIT_BYTES) done();
      });
      response.once("end", done);
      response.once("error", (error) =>
        resolve({ status, problem: `the answer broke off: ${messageOf(error)}`, mayComeUp: false }),
      );
    });
    asking.once("error", (error) => fail(null, error));
    asking.end();
  });
}
