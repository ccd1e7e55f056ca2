import { z } from "zod";
import { Answer, id, operation, serviceName, time } from "./shapes.ts";

export const ServiceOverview = z.object({
  id,
  name: z.string(),
  stage: z.string(),
  phase: z.string(),
  reasons: z.array(z.string()),
  needs: z.string().nullable(),
  stack: z.string().nullable(),
  port: z.number().nullable(),
  owner: z.string().nullable(),
  client: z.string().nullable(),
  round: z.number(),
  version: z.string().nullable(),
  health: z.enum(["unknown", "starting", "healthy", "unhealthy", "stopped"]),
  healthReason: z.string().nullable(),
  healthAt: time.nullable(),
  /** Of the probes of the last 24 hours; null if there were none. */
  uptimePercent: z.number().nullable(),
  updatedAt: time,
  ticket: z
    .object({
      id,
      kind: z.string(),
      capability: z.string(),
      title: z.string(),
      state: z.string(),
      attempt: z.number(),
      maxAttempts: z.number(),
      lastError: z.string().nullable(),
      /** What holds it back, in a sentence; null while it is worked on. */
      waits: z.string().nullable(),
    })
    .nullable(),
  run: z
    .object({
      id,
      agent: z.string(),
      kind: z.string(),
      percent: z.number().nullable(),
      progress: z.string().nullable(),
      startedAt: time,
      heartbeatAt: time.nullable(),
    })
    .nullable(),
});

const Detail = ServiceOverview.extend({
  folder: z.string().nullable(),
  rounds: z.array(
    z.object({ number: z.number(), openedAt: time, builtAt: time.nullable(), difference: z.string().nullable() }),
  ),
  tickets: z.array(
    z.object({
      id,
      kind: z.string(),
      capability: z.string(),
      title: z.string(),
      state: z.string(),
      round: z.number(),
      attempt: z.number(),
      lastError: z.string().nullable(),
      createdAt: time,
      endedAt: time.nullable(),
    }),
  ),
  runs: z.array(
    z.object({
      id,
      ticket: id,
      kind: z.string(),
      agent: z.string(),
      state: z.string(),
      outcome: z.string().nullable(),
      verified: z.boolean().nullable(),
      startedAt: time,
      endedAt: time.nullable(),
    }),
  ),
  verdicts: z.array(
    z.object({
      id,
      gate: z.string(),
      round: z.number(),
      ok: z.boolean(),
      reasons: z.array(z.string()),
      contentHash: z.string(),
      at: time,
    }),
  ),
  deployments: z.array(
    z.object({
      id,
      target: z.string(),
      version: z.string(),
      round: z.number(),
      state: z.string(),
      port: z.number().nullable(),
      startedAt: time,
      endedAt: time.nullable(),
    }),
  ),
  incidents: z.array(
    z.object({
      id,
      reason: z.string(),
      steps: z.array(z.object({ at: z.string(), did: z.string(), reason: z.string() })),
      openedAt: time,
      closedAt: time.nullable(),
    }),
  ),
});

const named = z.object({ name: serviceName });

export const services = {
  list: operation
    .route({ method: "GET", path: "/services", summary: "Every service with where it stands" })
    .output(z.object({ services: z.array(ServiceOverview) })),
  get: operation
    .route({ method: "GET", path: "/services/{name}", summary: "One service with its history" })
    .input(named)
    .output(Detail),
  run: operation
    .route({
      method: "POST",
      path: "/services/{name}/run",
      summary: "Try again: earlier failures no longer count, and its next step is asked for now",
    })
    .input(named)
    .output(Answer),
  check: operation
    .route({ method: "POST", path: "/services/{name}/check", summary: "Prove it now" })
    .input(named)
    .output(Answer),
  deploy: operation
    .route({ method: "POST", path: "/services/{name}/deploy", summary: "Deploy what was proved" })
    .input(named)
    .output(Answer),
  rollback: operation
    .route({
      method: "POST",
      path: "/services/{name}/rollback",
      summary: "Back to the version before, or to a named one",
    })
    .input(named.extend({ version: z.string().min(1).max(100).optional() }))
    .output(Answer),
  stopProduction: operation
    .route({ method: "POST", path: "/services/{name}/stop-production", summary: "End its release" })
    .input(named)
    .output(Answer),
  log: operation
    .route({ method: "GET", path: "/services/{name}/log", summary: "What its release wrote" })
    .input(named.extend({ from: z.coerce.number().int().min(0).optional() }))
    .output(z.object({ file: z.string().nullable(), text: z.string(), next: z.number() })),
};
