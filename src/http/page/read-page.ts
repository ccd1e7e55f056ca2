import { relative } from "node:path";
import type { AgentRow } from "#agents/registry.ts";
import { inTenant } from "#db/db.ts";
import { isForTheOwner } from "#dispatch/explain.ts";
import { countWork } from "#dispatch/count-work.ts";
import type { HttpContext } from "#http/context.ts";
import { agentsWithTimes } from "#http/routes/agents.ts";
import { approvalsToShow } from "#http/routes/approvals.ts";
import { serviceOverviews, type ServiceOverview } from "#lines/service/service-overview.ts";
import { namedSwitches } from "#policy/find-scope.ts";
import type { RulesState } from "#policy/rules-state.ts";

/** Something that goes on only when the owner has done something. */
export type Waiting = {
  /** As an element's id. */
  key: string;
  title: string;
  why: string;
  /** Commands to give or a file to write; nothing where the reason says it. */
  commands: string[];
  since: Date;
};

export type Page = {
  now: Date;
  version: string;
  workspace: string;
  services: ServiceOverview[];
  agents: AgentRow[];
  /** `lift`: the command that does. */
  switches: { name: string; reason: string; setAt: Date; lift: string }[];
  waiting: Waiting[];
  rules: RulesState;
  /** What keeps it from starting anything new. */
  troubles: { what: string; todo: string }[];
  spentUsd: number;
};

/** What the page shows, as of one moment. */
export async function readPage({
  database,
  tenantId,
  clock,
  version,
  workspace,
  rules,
  troubles,
}: HttpContext): Promise<Page> {
  return inTenant(database.app, tenantId, async (tx) => {
    const now = clock.now();
    const services = await serviceOverviews(tx, now);
    const approvals = await approvalsToShow(tx);
    return {
      now,
      version,
      workspace,
      services,
      agents: await agentsWithTimes(tx),
      switches: (await namedSwitches(tx)).map(({ scope, name, reason, setAt }) => ({
        name,
        reason,
        setAt,
        lift: `steward resume${scope === "everything" ? "" : ` ${name.replace(" ", ":")}`}`,
      })),
      waiting: [
        ...approvals.map(({ id, question, service, why, askedAt }) => ({
          key: id,
          title: openPart(question, service),
          why,
          commands: [`steward approve ${id}`, `steward decline ${id}`],
          since: askedAt,
        })),
        ...services.flatMap((service) => waitsForOwner(workspace, service)),
      ],
      rules: rules(),
      troubles: troubles(),
      spentUsd: (await countWork(tx)).spentNano / 1e9,
    };
  });
}

/** The page is open to whoever may reach a port of this machine: what exactly would change is for `steward status`. */
function openPart(question: string, service: string | null): string {
  const asked = /^[^?]*\?/.exec(question)?.[0] ?? "Something waits for your yes or no.";
  return service === null || asked.includes(service) ? asked : `${service}: ${asked}`;
}

/** No ticket, nobody at work, and not where it belongs: nothing happens by itself. Or what its ticket waits for never comes. */
function waitsForOwner(
  workspace: string,
  { id, name, folder, phase, reasons, run, ticket, updatedAt }: ServiceOverview,
): Waiting[] {
  if (run !== null || phase === "PRODUCTION" || phase === "BUILD_IN_PROGRESS") return [];
  if (ticket !== null && !isForTheOwner(ticket.waits)) return [];
  const why = ticket === null ? (reasons[0] ?? phase) : `${ticket.title} ${ticket.waits}`;
  const write = phase === "NEEDS_SPEC" && folder !== null ? [`${relative(workspace, folder)}/SPEC.md`] : [];
  return [{ key: id, title: name, why, commands: write, since: updatedAt }];
}
