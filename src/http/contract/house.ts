import { z } from "zod";
import { Agent } from "./agents.ts";
import { Approval } from "./approvals.ts";
import { ServiceOverview } from "./services.ts";
import { done, id, operation, time } from "./shapes.ts";
import { Switch } from "./switches.ts";

const Verification = z.discriminatedUnion("ok", [
  z.object({
    ok: z.literal(true),
    events: z.number(),
    pending: z.number(),
    head: z.object({ seq: z.number(), hash: z.string() }),
  }),
  z.object({
    ok: z.literal(false),
    events: z.number(),
    seq: z.number(),
    event: z.string().nullable(),
    problem: z.string(),
  }),
]);

const RulesState = z.object({
  /** Where they are written. */
  file: z.string(),
  version: z.string(),
  /** When the rules in force were taken over. */
  since: time,
  /** What is wrong with the file as it stands now; meanwhile the rules before stay in force. */
  broken: z
    .object({
      since: time,
      problems: z.array(z.object({ line: z.number().nullable(), message: z.string() })),
      /** What to do about it. */
      todo: z.string(),
    })
    .nullable(),
  /** The question that a changed file waits for, if it does. */
  approval: id.nullable(),
});

/** The house as a whole. */
export const house = {
  health: operation
    .route({ method: "GET", path: "/health", summary: "Whether the server and its database answer; needs no token" })
    .output(z.object({ ok: z.literal(true), version: z.string() })),
  status: operation.route({ method: "GET", path: "/status", summary: "The whole picture" }).output(
    z.object({
      version: z.string(),
      workspace: z.string(),
      startedAt: time,
      uptimeSeconds: z.number(),
      /** The ledger's newest cursor when this was read: follow from here. */
      cursor: z.number(),
      services: z.array(ServiceOverview),
      agents: z.array(Agent),
      switches: z.array(Switch),
      approvals: z.array(Approval),
      rules: RulesState,
      /** What keeps Steward from working as it should, each with what to do. */
      troubles: z.array(z.object({ what: z.string(), todo: z.string() })),
      counts: z.object({
        services: z.number(),
        production: z.number(),
        healthy: z.number(),
        unhealthy: z.number(),
        ready: z.number(),
        claimed: z.number(),
        done: z.number(),
        failed: z.number(),
      }),
      spentUsd: z.number(),
    }),
  ),
  rules: operation
    .route({
      method: "GET",
      path: "/rules",
      summary: "Since when the owner's rules hold, and what is wrong with their file",
    })
    .output(RulesState),
  sweep: operation.route({ method: "POST", path: "/sweep", summary: "Look at everything now" }).output(done),
  verify: operation
    .route({
      method: "POST",
      path: "/audit/verify",
      summary: "Walk the ledger's whole chain and name the first bad row",
    })
    .output(Verification),
};
