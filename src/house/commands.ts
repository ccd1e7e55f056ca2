import { join } from "node:path";
import { sql } from "kysely";
import { inTenant, type Tx } from "#db/db.ts";
import { productionItem, productionSettings } from "#deploy/production-settings.ts";
import { sealSecret } from "#deploy/secrets.ts";
import { markRolledBack, takenBack } from "#deploy/mark-rolled-back.ts";
import { createTicket } from "#dispatch/create-ticket.ts";
import { act } from "#effects/act.ts";
import type { Answer, Commands } from "#http/context.ts";
import { noSuchService } from "#lines/service/no-such-service.ts";
import { append } from "#ledger/append.ts";
import type { DeployOrder } from "#lines/service/hired-deploy.ts";
import { failpoint } from "#system/failpoint.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import type { Running } from "./start-house.ts";
import { stopProduction } from "./stop-production.ts";

type Item = { id: string; key: string; round: number; content_hash: string | null };

/** What the running house does on request, whoever asks: the command line, the API, later the Command Center. */
export function houseCommands({ house, keeper, deploy }: Running): Commands {
  const { database, tenantId, clock, settings } = house;
  const within = <T>(work: (tx: Tx) => Promise<T>) => inTenant(database.app, tenantId, work);

  async function itemOf(tx: Tx, service: string): Promise<Item> {
    const { rows } =
      await sql<Item>`select id, key, round, content_hash from item where line = 'service' and key = ${service} and gone_at is null`.execute(
        tx,
      );
    if (!rows[0]) throw await noSuchService(tx, service);
    return rows[0];
  }

  /** A ticket beside the line's own decision; only while nothing else is at work on the service. */
  async function askNow(
    service: string,
    kind: "prove" | "deploy",
    capability: string,
    {
      title = kind.toUpperCase(),
      why = "you asked for it",
      ...body
    }: { title?: string; why?: string } & Partial<DeployOrder> = {},
  ): Promise<Answer> {
    const ticket = await within(async (tx) => {
      const item = await itemOf(tx, service);
      const { rows } = await sql<{
        title: string;
      }>`select title from ticket where item_id = ${item.id} and state = 'claimed'`.execute(tx);
      if (rows[0])
        throw new Failure(
          "conflict",
          `${service} is being worked on (${rows[0].title}): wait for it, or \`steward stop ${service}\`.`,
        );
      if (item.content_hash === null) throw new Failure("conflict", `${service} has no code yet.`);
      await sql`
        update ticket set state = 'cancelled', outcome = 'cancelled', last_error = 'replaced on your word', ended_at = now(), updated_at = now()
        where item_id = ${item.id} and state in ('ready', 'waiting')`.execute(tx);
      const because = { actor: "owner", at: clock.now(), rule: `owner.${kind}` };
      return createTicket(tx, because, {
        itemId: item.id, line: "service", kind, capability, round: item.round, priority: 90,
        title: `${title}: ${service}`, dedupeKey: `${item.id} ${kind} asked ${uuidv7()}`,
        body: { service, spec: null, reasons: [why], contentHash: item.content_hash, ...body },
      }); // prettier-ignore
    });
    return { ok: true, message: `${kind} of ${service} was asked for`, ticket: ticket.id, version: null };
  }

  async function refuseWithoutDevops(service: string, why: string): Promise<void> {
    const { rows } = await within((tx) =>
      sql`select 1 from agent where 'devops' = any(capabilities) and off_at is null limit 1`.execute(tx),
    );
    if (rows.length === 0)
      throw new Failure(
        "invalid",
        `${service} ${why}, and no agent with the capability devops is hired: declare a target under \`deploy:\`, or an agent under \`agents:\`, in steward.yaml.`,
      );
  }

  /** What a hired agent deployed, Steward cannot take back: a ticket has one do it. */
  async function askBack(
    service: string,
    itemId: string,
    serving: { version: string; content_hash: string; started_at: Date },
    version: string | undefined,
  ): Promise<Answer> {
    const { rows } = await within((tx) =>
      sql<{ version: string; content_hash: string }>`
        select version, content_hash from deployment
        where item_id = ${itemId} and target = 'agent' and content_hash <> ${serving.content_hash}
          and case when ${version ?? null}::text is null then state = 'superseded' and started_at < ${serving.started_at}
            else version = ${version ?? null} and state in ('superseded', 'rolled_back') end
        order by started_at desc limit 1`.execute(tx),
    );
    const to = rows[0];
    if (!to)
      throw new Failure(
        "not_found",
        `${service} has no ${version ?? "earlier version"} of a hired agent's to go back to.`,
      );
    await refuseWithoutDevops(service, "was deployed by a hired agent, which Steward cannot take back");
    const back = { from: serving.version, to: to.version };
    const why = `you asked to go back from ${back.from} to ${back.to}`;
    return askNow(service, "deploy", "devops", { title: "ROLLBACK", why, contentHash: to.content_hash, back });
  }

  async function versionBefore(itemId: string, target: string): Promise<string> {
    const { rows } = await within((tx) =>
      sql<{ version: string; key: string }>`
        select d.version from deployment d where d.item_id = ${itemId} and d.target = ${target} and d.state = 'superseded' order by d.started_at desc limit 1`.execute(
        tx,
      ),
    );
    if (!rows[0]) throw new Failure("not_found", "There is no earlier good release to go back to.");
    return rows[0].version;
  }

  return {
    look: (service) => keeper.look(service),
    checkNow: (service) => askNow(service, "prove", "prover"),
    async deployNow(service) {
      if (deploy.declared(service)) return askNow(service, "deploy", "deployer");
      await refuseWithoutDevops(service, "has no deploy target");
      return askNow(service, "deploy", "devops");
    },
    async rollback(service, version) {
      const item = await productionItem(deploy, (await within((tx) => itemOf(tx, service))).id);
      const serving = await within((tx) =>
        tx
          .selectFrom("deployment")
          .select(["id", "version", "target", "state", "detail", "content_hash", "started_at"])
          .where("item_id", "=", item.id)
          .where("state", "in", ["live", "stopped"])
          .executeTakeFirst(),
      );
      if (serving?.target === "agent") return askBack(service, item.id, serving, version);
      const declared = serving && deploy.servedBy(service, serving.target, serving.detail);
      if (!declared) throw new Failure("not_found", `${service} has no release to go back from.`);
      if (serving.state === "live" && version === serving.version)
        throw new Failure(
          "conflict",
          `${service} ${version} is what serves: name another one, or none for the one before it.`,
        );
      const production = await productionSettings(deploy, item, declared);
      // A target that keeps no releases is told which one was before.
      const to = version ?? (declared.target.opensPort ? undefined : await versionBefore(item.id, serving.target));
      const effect = {
        kind: "rollback", key: `rollback ${serving.id} ${uuidv7()}`, item: { id: item.id, line: "service", client: item.client },
        payload: { service, from: serving.version, to: to ?? null }, allowedBy: { standing: "the owner asked for it" }, actor: "owner",
      }; // prettier-ignore
      const { result } = await act(deploy, effect, {
        kind: "rollback",
        resumable: true,
        perform: async () => ({
          result: await declared.target.rollback(
            { settings: production, toVersion: to, from: serving.version, because: "the owner asked for it" },
            () => {},
          ),
        }),
      });
      failpoint("rollback.made");
      const done = result as { ok: boolean; serving: string | null; reason: string };
      if (done.ok && done.serving)
        await markRolledBack(deploy, item, {
          from: serving.version,
          to: done.serving,
          reason: takenBack(service),
          by: "owner",
        });
      await keeper.look(service);
      return { ok: done.ok, message: done.reason, ticket: null, version: done.serving };
    },
    async stopProduction(service) {
      const became = await stopProduction(house, service, "the owner asked for it", { forGood: true });
      await keeper.look(service);
      const now = became === "stopped" ? "serves no more" : became;
      return {
        ok: true,
        message: `${service} ${now}; \`steward deploy ${service}\` starts it again`,
        ticket: null,
        version: null,
      };
    },
    async setSecret(service, name, value) {
      await within(async (tx) => {
        const item = await itemOf(tx, service);
        const sealed = sealSecret(deploy.secretKey, value, { tenant: tenantId, service, name });
        await sql`
          insert into secret (tenant_id, service, name, sealed, set_at) values (tenant_now(), ${service}, ${name}, ${sealed}, ${clock.now()})
          on conflict (tenant_id, service, name) do update set sealed = excluded.sealed, set_at = excluded.set_at`.execute(
          tx,
        );
        await append(tx, { actor: "owner", at: clock.now() }, { type: "secret.set", subject: item.id, service, name });
      });
      await keeper.look(service);
    },
    async removeSecret(service, name) {
      await within(async (tx) => {
        const { rows } =
          await sql`delete from secret where service = ${service} and name = ${name} returning 1`.execute(tx);
        if (rows.length === 0) throw new Failure("not_found", `${service} has no secret ${name}.`);
        await append(
          tx,
          { actor: "owner", at: clock.now() },
          { type: "secret.removed", subject: (await itemOf(tx, service)).id, service, name },
        );
      });
      await keeper.look(service);
    },
    secretNames: (service) =>
      within(async (tx) =>
        (await tx.selectFrom("secret").select("name").where("service", "=", service).orderBy("name").execute()).map(
          ({ name }) => name,
        ),
      ),
    async productionLog(service) {
      const { rows } = await within((tx) =>
        sql<{ version: string }>`
          select d.version from deployment d join item i on i.id = d.item_id where i.key = ${service} and d.target <> 'agent' and d.state in ('live', 'stopped', 'deploying', 'failed') order by d.started_at desc limit 1`.execute(
          tx,
        ),
      );
      return rows[0] ? join(settings.home, "production", service, "logs", `${rows[0].version}.log`) : null;
    },
  };
}
