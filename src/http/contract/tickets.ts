import { z } from "zod";
import { id, operation, time } from "./shapes.ts";

export const tickets = {
  get: operation
    .route({ method: "GET", path: "/tickets/{id}", summary: "One ticket with its runs" })
    .input(z.object({ id }))
    .output(
      z.object({
        id,
        service: z.string(),
        line: z.string(),
        kind: z.string(),
        capability: z.string(),
        title: z.string(),
        state: z.enum(["waiting", "ready", "claimed", "done", "failed", "cancelled"]),
        outcome: z.string().nullable(),
        round: z.number(),
        attempt: z.number(),
        maxAttempts: z.number(),
        waits: z.string().nullable(),
        lastError: z.string().nullable(),
        body: z.record(z.string(), z.unknown()),
        createdAt: time,
        endedAt: time.nullable(),
        runs: z.array(
          z.object({
            id,
            agent: z.string(),
            fence: z.number(),
            state: z.string(),
            outcome: z.string().nullable(),
            verified: z.boolean().nullable(),
            startedAt: time,
            endedAt: time.nullable(),
          }),
        ),
      }),
    ),
};
