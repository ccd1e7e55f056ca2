import { sql } from "kysely";
import { countWork } from "#dispatch/count-work.ts";
import { ledgerHead } from "#ledger/follow.ts";
import { verifyLedger } from "#ledger/verify.ts";
import { serviceOverviews } from "#lines/service/service-overview.ts";
import { namedSwitches } from "#policy/find-scope.ts";
import { howToMend } from "#policy/rules-state.ts";
import type { HttpContext } from "#http/context.ts";
import { agentsWithTimes } from "./agents.ts";
import { approvalsToShow } from "./approvals.ts";
import { inHouse, os } from "./base.ts";

export const house = {
  health: os.house.health.handler(
    async ({
      context: {
        house: { database, version },
      },
    }) => {
      await sql`select 1`.execute(database.app);
      return { ok: true, version };
    },
  ),
  status: os.house.status.handler(({ context }) =>
    inHouse(context, async (tx) => {
      const { clock, version, workspace } = context.house;
      const now = clock.now();
      // First: whoever follows from here then misses nothing that the rest does not show.
      const cursor = await ledgerHead(tx);
      const services = await serviceOverviews(tx, now);
      const { spentNano, ...tickets } = await countWork(tx);
      const withHealth = (health: string) => services.filter((service) => service.health === health).length;
      return {
        version,
        workspace,
        startedAt: context.startedAt,
        uptimeSeconds: Math.max(0, (now.getTime() - context.startedAt.getTime()) / 1000),
        cursor,
        services,
        agents: await agentsWithTimes(tx),
        switches: await namedSwitches(tx),
        approvals: await approvalsToShow(tx),
        rules: rulesToShow(context.house),
        troubles: context.house.troubles(),
        counts: {
          services: services.length,
          production: services.filter(({ stage }) => stage === "PRODUCTION").length,
          healthy: withHealth("healthy"),
          unhealthy: withHealth("unhealthy"),
          ...tickets,
        },
        spentUsd: spentNano / 1e9,
      };
    }),
  ),
  rules: os.house.rules.handler(async ({ context }) => rulesToShow(context.house)),
  sweep: os.house.sweep.handler(async ({ context }) => {
    await context.house.commands.look();
    return { ok: true };
  }),
  verify: os.house.verify.handler(async ({ context }) => {
    const heads = (await context.house.publishedHeads()).filter(({ tenantId }) => tenantId === context.house.tenantId);
    return inHouse(context, (tx) => verifyLedger(tx, heads));
  }),
};

function rulesToShow({ rules }: HttpContext) {
  const state = rules();
  return { ...state, broken: state.broken && { ...state.broken, todo: howToMend } };
}
