import { z } from "zod";
import { id, operation, time } from "./shapes.ts";

export const Agent = z.object({
  id,
  name: z.string(),
  kind: z.enum(["spawned", "session", "builtin", "person"]),
  capabilities: z.array(z.string()),
  slots: z.number(),
  /** What it is, and what it is not. */
  about: z.string(),
  status: z.enum(["off", "stopped", "working", "free"]),
  work: z.array(
    z.object({ ticket: id, title: z.string(), item: z.string(), since: time, progress: z.string().nullable() }),
  ),
  /** What became of its work, as Steward verified it. */
  record: z.array(
    z.object({
      capability: z.string(),
      runs: z.number(),
      judged: z.number(),
      passed: z.number(),
      medianSeconds: z.number().nullable(),
    }),
  ),
});

export const agents = {
  list: operation
    .route({ method: "GET", path: "/agents", summary: "Every agent, what it does now and its record" })
    .output(z.object({ agents: z.array(Agent) })),
};
