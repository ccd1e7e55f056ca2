import { join } from "node:path";
import type { WorkTools } from "#dispatch/work-tools.ts";
import type { Advanced } from "#lines/service/advance.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { messageOf } from "#system/failure.ts";
import { setReadmeStatus } from "./readme-status.ts";
import { updateRegistry } from "./registry.ts";

/** What the files should say beyond the phase: its health and public port, if it serves. */
export type StatusOf = (itemId: string) => Promise<{ health: string; port: number | null }>;

/**
 * Brings a service's own lines in the owner's files up to date: its status line in the README, its entry in the
 * registry. A file that cannot be written is said in the log; the line goes on.
 */
export async function writeStatus(
  tools: Pick<WorkTools, "log" | "clock">,
  {
    workspace,
    seen,
    advanced,
    statusOf,
  }: { workspace: string; seen: SeenFacts; advanced: Advanced; statusOf: StatusOf },
): Promise<void> {
  if (seen.unreadable !== null) return;
  const { verdict, decision } = advanced;
  try {
    const { health, port } = await statusOf(advanced.itemId);
    // A service without code is the owner's draft: its README is theirs until Steward begins to build.
    const create = verdict.stage !== "SPECS";
    await setReadmeStatus(seen.path, statusLine(advanced, { health, port }), { within: workspace, create });
    const status =
      verdict.phase === "PRODUCTION" || verdict.phase === "UNHEALTHY"
        ? `production (${health})`
        : verdict.phase.toLowerCase().replaceAll("_", " ");
    const publicPort = port ?? seen.settings.port;
    const registry = join(seen.path, "..", "SERVICE_REGISTRY.json");
    await updateRegistry(
      registry,
      new Map([[seen.name, { status, phase: verdict.phase, ...(publicPort !== undefined && { port: publicPort }) }]]),
      { within: workspace, now: tools.clock.now() },
    );
  } catch (error) {
    tools.log.warn(
      { service: seen.name, reason: messageOf(error), decision: decision.rule },
      "a status in the workspace could not be written",
    );
  }
}

function statusLine(
  { verdict, decision }: Advanced,
  { health, port }: { health: string; port: number | null },
): string {
  const why = decision.does === "ask" ? ` – needs you: ${decision.why}` : "";
  switch (verdict.phase) {
    case "PRODUCTION":
      return `✅ PRODUCTION (${health})${port === null ? "" : ` on port ${port}`}`;
    case "UNHEALTHY":
      return `🚨 PRODUCTION, UNHEALTHY: ${verdict.reasons[0] ?? ""}${why}`;
    case "BUILD_IN_PROGRESS":
      return `🚧 BUILD IN PROGRESS: ${verdict.reasons[0] ?? ""}`;
    case "TESTS_FAILING":
    case "NEEDS_TESTS":
    case "READY_FOR_TEST":
    case "READY_FOR_DEPLOY":
      return `🧪 ${verdict.phase}: ${verdict.reasons[0] ?? ""}${why}`;
    case "READY_FOR_BUILD":
    case "BUILD_INCOMPLETE":
      return `🔨 ${verdict.phase}: ${verdict.reasons[0] ?? ""}${why}`;
    case "UNKNOWN":
    case "NEEDS_SPEC":
    case "SPEC_INCOMPLETE":
      return `📋 ${verdict.phase}: ${verdict.reasons[0] ?? ""}`;
  }
}
