import { z } from "zod";
import { operation, time } from "./shapes.ts";

export const LedgerEvent = z.object({
  seq: z.number(),
  id: z.string(),
  at: time,
  type: z.string(),
  subject: z.string(),
  actor: z.string(),
  rule: z.string().nullable(),
  policy: z.string().nullable(),
  body: z.record(z.string(), z.unknown()),
});

export const events = {
  list: operation
    .route({ method: "GET", path: "/events", summary: "The ledger after a cursor; live at /api/events/stream" })
    .input(
      z.object({
        after: z.coerce.number().int().min(0).default(0),
        limit: z.coerce.number().int().min(1).max(1_000).default(500),
        subject: z.string().max(200).optional(),
      }),
    )
    .output(z.object({ events: z.array(LedgerEvent), next: z.number() })),
};
