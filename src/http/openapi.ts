import { OpenAPIGenerator } from "@orpc/openapi";
import { ZodToJsonSchemaConverter } from "@orpc/zod/zod4";
import { contract } from "./contract.ts";

/** The OpenAPI 3.1 document, made from the contract; the live stream, which is no request with one answer, is added. */
export async function openApiDocument({ version }: { version: string }): Promise<object> {
  const generator = new OpenAPIGenerator({ schemaConverters: [new ZodToJsonSchemaConverter()] });
  const document = await generator.generate(contract, {
    info: {
      title: "Steward",
      version,
      description: "Errors are `{code, message}`, and the message says what to do next.",
    },
    servers: [{ url: "/api" }],
    security: [{ token: [] }],
    components: {
      securitySchemes: {
        token: {
          type: "http",
          scheme: "bearer",
          description:
            "What is in the file `token` in Steward's home; for heartbeat, progress and report also the run's own key.",
        },
      },
    },
  });
  document.paths = { ...document.paths, "/events/stream": { get: eventStream } };
  const health = document.paths["/health"]?.get;
  if (health) health.security = [];
  return document;
}

const eventStream = {
  operationId: "events.stream",
  summary: "The ledger live, as server-sent events: `id` is the cursor, `event` the type, `data` the event as JSON",
  parameters: [
    {
      name: "after",
      in: "query" as const,
      description: "Begin after this cursor; without it, with what happens from now on",
      schema: { type: "integer" as const, minimum: 0 },
    },
    {
      name: "Last-Event-ID",
      in: "header" as const,
      description: "The same, as a browser sends it when it connects again; it wins",
      schema: { type: "string" as const },
    },
  ],
  responses: {
    "200": {
      description: "A stream without end",
      content: { "text/event-stream": { schema: { type: "string" as const } } },
    },
  },
};
