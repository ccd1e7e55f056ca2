import { oc } from "@orpc/contract";
import { z } from "zod";

/** The start of every operation: what may come back instead of an answer is in failure-status.ts. */
export const operation = oc;

export const serviceName = z.string().min(1).max(100);
export const id = z.uuid();
export const time = z.date();
export const done = z.object({ ok: z.literal(true) });

/** What became of something that was asked for: at once, or as a ticket that can be followed. */
export const Answer = z.object({
  ok: z.boolean(),
  /** One sentence for a person. */
  message: z.string(),
  ticket: z.string().nullable(),
  version: z.string().nullable(),
});

export const scope = z.enum(["everything", "agent", "client", "line", "item", "run"]);

/** A scope by its id, or by the name of the agent or service. Everything has none. */
export const ScopeRef = z.object({ scope, id: z.string().max(200).default("") });
