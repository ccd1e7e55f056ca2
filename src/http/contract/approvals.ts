import { z } from "zod";
import { id, operation, time } from "./shapes.ts";

export const Approval = z.object({
  id,
  kind: z.string(),
  service: z.string().nullable(),
  question: z.string(),
  why: z.string(),
  payload: z.record(z.string(), z.unknown()),
  state: z.enum(["open", "approved", "declined", "expired", "withdrawn"]),
  askedAt: time,
});

const Decided = z.object({ id, decision: z.enum(["approved", "declined"]), question: z.string() });

/** A GET never decides: a link that is fetched ahead, or by a mail scanner, must change nothing. */
export const approvals = {
  list: operation
    .route({ method: "GET", path: "/approvals", summary: "What waits for you" })
    .output(z.object({ approvals: z.array(Approval) })),
  approve: operation
    .route({ method: "POST", path: "/approvals/{id}/approve", summary: "Say yes to exactly what was asked" })
    .input(z.object({ id }))
    .output(Decided),
  decline: operation
    .route({ method: "POST", path: "/approvals/{id}/decline", summary: "Say no" })
    .input(z.object({ id }))
    .output(Decided),
};
