import { z } from "zod";
import { operation, scope, ScopeRef, time } from "./shapes.ts";

export const Switch = z.object({
  id: z.string(),
  scope,
  scopeId: z.string(),
  /** The agent's or service's name, where it has one. */
  name: z.string(),
  reason: z.string(),
  setBy: z.string(),
  setAt: time,
});

export const switches = {
  set: operation
    .route({
      method: "POST",
      path: "/switches",
      summary: "Stop a scope: nothing in it starts any more, and what runs is ended",
    })
    .input(ScopeRef.extend({ reason: z.string().min(1).max(500).default("stopped by the owner") }))
    .output(z.object({ id: z.string(), was: z.enum(["set", "already set"]), name: z.string(), running: z.number() })),
  lift: operation
    .route({ method: "DELETE", path: "/switches", summary: "Lift a scope's switch" })
    .input(ScopeRef)
    .output(z.object({ name: z.string() })),
};
