import { z } from "zod";
import { done, id, operation, time } from "./shapes.ts";

const one = z.object({ id });

export const Run = z.object({
  id,
  ticket: id,
  service: z.string(),
  agent: z.string(),
  kind: z.string(),
  capability: z.string(),
  fence: z.number(),
  attempt: z.number(),
  state: z.enum(["starting", "running", "reported", "ended"]),
  percent: z.number().nullable(),
  progress: z.string().nullable(),
  heartbeatAt: time.nullable(),
  startedAt: time,
  endedAt: time.nullable(),
  outcome: z.string().nullable(),
  verified: z.boolean().nullable(),
  detail: z.record(z.string(), z.unknown()),
  costUsd: z.number(),
});

/** The three that change something may be asked by the run itself, with its key, while it lives. */
export const runs = {
  get: operation.route({ method: "GET", path: "/runs/{id}", summary: "One run" }).input(one).output(Run),
  output: operation
    .route({
      method: "GET",
      path: "/runs/{id}/output",
      summary: "What a run wrote, from a byte on; ask again from `next`",
    })
    .input(one.extend({ from: z.coerce.number().int().min(0).default(0) }))
    .output(
      z.object({
        frames: z.array(z.object({ at: z.string(), stream: z.enum(["stdout", "stderr", "note"]), text: z.string() })),
        next: z.number(),
        /** There will be no more than this. */
        ended: z.boolean(),
      }),
    ),
  heartbeat: operation
    .route({ method: "POST", path: "/runs/{id}/heartbeat", summary: "The agent says that it is at work" })
    .input(one)
    .output(done),
  progress: operation
    .route({ method: "POST", path: "/runs/{id}/progress", summary: "The agent says how far it is" })
    .input(one.extend({ percent: z.number().int().min(0).max(100).optional(), text: z.string().min(1).max(2_000) }))
    .output(done),
  report: operation
    .route({
      method: "POST",
      path: "/runs/{id}/report",
      summary: "The agent says how it ended; Steward looks for itself",
    })
    .input(
      one.extend({
        outcome: z.enum(["done", "failed", "refused"]),
        reasons: z.array(z.string().max(2_000)).max(50).default([]),
      }),
    )
    .output(done),
};
