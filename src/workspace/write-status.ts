import type { WorkTools } from "#dispatch/work-tools.ts";
import type { Advanced } from "#lines/service/advance.ts";
import type { SeenFacts } from "#lines/service/facts.ts";
import { messageOf } from "#system/failure.ts";
import { setReadmeStatus } from "./readme-status.ts";
import { registryStatus } from "./registry-status.ts";
import type { RegistryWriter } from "./registry-writer.ts";
import { writeProduction, type InProduction } from "./write-production.ts";

/** What the files should say beyond the phase: its health and public port, if it serves, and what happened there. */
export type StatusOf = (itemId: string) => Promise<{ health: string } & InProduction>;

/**
 * Brings a service's own lines in the owner's files up to date: its status line in the README, its entry in the
 * registry (when the writer next writes), its records in PRODUCTION/. A file that cannot be written is said in the log; the
 * others and the line go on.
 */
export async function writeStatus(
  tools: Pick<WorkTools, "log">,
  {
    workspace,
    registry,
    seen,
    advanced,
    statusOf,
  }: { workspace: string; registry: RegistryWriter; seen: SeenFacts; advanced: Advanced; statusOf: StatusOf },
): Promise<void> {
  if (seen.unreadable !== null) return;
  const { verdict, decision, itemId } = advanced;
  const { health, ...production } = await statusOf(itemId);
  const { port, freedPort, release } = production;
  const where = port === null ? (release?.url ? ` at ${release.url}` : "") : ` on port ${port}`;
  const within = { within: workspace };
  await tried("README", async () => {
    // A service without code is the owner's draft: its README is theirs until Steward begins to build.
    const create = verdict.stage !== "SPECS";
    await setReadmeStatus(seen.path, statusLine(advanced, { health, where }), { ...within, create });
  });
  const status = registryStatus(verdict.phase, health);
  registry.put(
    seen.name,
    { status, phase: verdict.phase, ...(port !== null && { port }), ...(freedPort && { freedPort }) },
    seen.registry,
  );
  await tried("production records", () => writeProduction(seen, production, within));

  async function tried(what: string, write: () => Promise<void>): Promise<void> {
    try {
      await write();
    } catch (error) {
      const said = { service: seen.name, reason: messageOf(error), decision: decision.rule };
      tools.log.warn(said, `its ${what} in the workspace could not be written`);
    }
  }
}

function statusLine({ verdict, decision }: Advanced, { health, where }: { health: string; where: string }): string {
  const why = decision.does === "ask" ? ` – needs you: ${decision.why}` : "";
  switch (verdict.phase) {
    case "PRODUCTION":
      return `✅ PRODUCTION (${health})${where}`;
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
