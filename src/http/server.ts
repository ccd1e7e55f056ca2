import helmet from "@fastify/helmet";
import rateLimit from "@fastify/rate-limit";
import { OpenAPIHandler } from "@orpc/openapi/fastify";
import { ORPCError } from "@orpc/server";
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from "fastify";
import { Failure, hasErrorCode } from "#system/failure.ts";
import { portOwner } from "#system/port-owner.ts";
import type { Caller, HttpContext, RequestContext } from "./context.ts";
import { errorAnswer } from "./error-body.ts";
import { openEventStream } from "./event-stream.ts";
import { identify, refuseForeignHost, refuseForeignOrigin } from "./guard.ts";
import { openApiDocument } from "./openapi.ts";
import { openPage, pagePaths } from "./page/open-page.ts";
import { stewardHeader } from "./reach.ts";
import { router } from "./router.ts";
import { runKeySecret } from "./run-key.ts";
import { removeServerFile, writeServerFile } from "./server-file.ts";
import { ownerToken } from "./token.ts";

export type Server = {
  /** Such as http://127.0.0.1:8900. */
  url: string;
  /** Answers what is under way, ends the live streams, then closes. May be called twice. */
  stop(): Promise<void>;
};

/** 1 MiB: the largest thing anybody sends is a secret of 64 KiB. */
const BODY_BYTES = 1024 * 1024;

/** Requests a minute: nobody types that fast; it is for a program that has gone wrong. */
const A_MINUTE = { known: 6_000, unknown: 600 };

/** Whoever has not read its answer by then, such as a sleeping laptop's browser, does not keep the house from ending. */
const STOP_MS = 3_000;

/** Opens the API, its document, the live events and the plain page, on loopback. */
export async function startServer(house: HttpContext): Promise<Server> {
  const startedAt = house.clock.now();
  const keys = { token: await ownerToken(house.home), secret: await runKeySecret(house.home) };
  const app = fastify({ bodyLimit: BODY_BYTES, forceCloseConnections: "idle", exposeHeadRoutes: false });
  app.removeContentTypeParser("text/plain");
  app.setErrorHandler((error, request, reply) => refuse(house, error, request, reply));
  app.setNotFoundHandler((request, reply) =>
    reply.code(404).send({
      code: "not_found",
      message: `There is no ${request.method} ${request.url.split("?")[0]}. /api/openapi.json lists what there is.`,
    }),
  );

  const callers = new WeakMap<FastifyRequest, Caller>();
  app.addHook("onRequest", async (request, reply) => {
    reply.header(stewardHeader, house.version);
    refuseForeignHost(request);
    refuseForeignOrigin(request);
    if (!isOpen(request)) callers.set(request, await identify(house, keys, request));
  });
  await protect(app, (request) => callers.get(request));

  const stream = await openEventStream(house);
  app.addHook("preClose", () => stream.close());
  await openPage(app, house, stream);
  app.get("/api/openapi.json", async () => openApiDocument(house));
  app.get("/api/events/stream", (request, reply) => stream.follow(request, reply));
  answerContract(app, house, (request) => ({
    house,
    startedAt,
    caller: callers.get(request) ?? { kind: "owner", from: "open" },
  }));

  try {
    const url = await listen(app, house);
    await writeServerFile(house.home, { url, version: house.version, workspace: house.workspace });
    house.log.info({ url }, "the API is open");
    let stopping: Promise<void> | null = null;
    return {
      url,
      stop: () =>
        (stopping ??= (async () => {
          await removeServerFile(house.home);
          const late = setTimeout(() => app.server.closeAllConnections(), STOP_MS);
          await app.close();
          clearTimeout(late);
        })()),
    };
  } catch (error) {
    await app.close();
    throw error;
  }
}

/** What needs no token: whether it is up, and the page that says where things are. */
function isOpen({ method, url }: FastifyRequest): boolean {
  const path = url.split("?")[0]!;
  return (method === "GET" || method === "HEAD") && (path === "/api/health" || pagePaths.has(path));
}

async function protect(app: FastifyInstance, callerOf: (request: FastifyRequest) => Caller | undefined): Promise<void> {
  await app.register(helmet, {
    contentSecurityPolicy: {
      useDefaults: false,
      directives: {
        defaultSrc: ["'none'"],
        styleSrc: ["'self'"],
        scriptSrc: ["'self'"],
        connectSrc: ["'self'"],
        imgSrc: ["'self'"],
        baseUri: ["'none'"],
        formAction: ["'none'"],
        frameAncestors: ["'none'"],
      },
    },
    // Loopback has no certificate.
    strictTransportSecurity: false,
  });
  await app.register(rateLimit, {
    hook: "preHandler",
    timeWindow: "1 minute",
    max: (request) => (callerOf(request) ? A_MINUTE.known : A_MINUTE.unknown),
    keyGenerator: (request) => {
      const caller = callerOf(request);
      return caller === undefined ? "unknown" : caller.kind === "run" ? caller.runId : "owner";
    },
  });
}

function answerContract(
  app: FastifyInstance,
  house: HttpContext,
  contextOf: (request: FastifyRequest) => RequestContext,
): void {
  const handler = new OpenAPIHandler<RequestContext>(router, {
    clientInterceptors: [
      async ({ next }) => {
        try {
          return await next();
        } catch (error) {
          const { status, body, unexpected } = errorAnswer(error);
          if (unexpected) house.log.error({ err: error }, "a request failed");
          throw new ORPCError(body.code, { status, message: body.message, cause: error });
        }
      },
    ],
    customErrorResponseBodyEncoder: ({ code, message }) => ({ code, message }),
  });
  app.all("/api/*", async (request, reply) => {
    const { matched } = await handler.handle(request, reply, { prefix: "/api", context: contextOf(request) });
    if (!matched) reply.callNotFound();
    return reply;
  });
}

function refuse({ log }: HttpContext, error: unknown, request: FastifyRequest, reply: FastifyReply) {
  const { status, body, unexpected } = errorAnswer(error);
  if (unexpected)
    log.error({ err: error, method: request.method, path: request.url.split("?")[0] }, "a request failed");
  if (status === 401) reply.header("www-authenticate", "Bearer");
  return reply.code(status).send(body);
}

async function listen(app: FastifyInstance, { host, port }: HttpContext): Promise<string> {
  try {
    await app.listen({ host: host === "localhost" ? "127.0.0.1" : host, port });
  } catch (error) {
    if (hasErrorCode(error, "EADDRINUSE")) {
      const owner = portOwner(port);
      const whose = owner ? ` by process ${owner.pid} (${owner.command})` : "";
      throw new Failure(
        "conflict",
        `Port ${port} is used${whose}. End that, or choose another: STEWARD_PORT=8901 steward up.`,
        { cause: error },
      );
    }
    throw error;
  }
  const address = app.server.address();
  const bound = typeof address === "object" && address !== null ? address.port : port;
  return `http://${host === "::1" ? "[::1]" : "127.0.0.1"}:${bound}`;
}
