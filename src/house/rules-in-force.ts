import { sql } from "kysely";
import { readRules, rulesFileName, tellProblem, type Rules, type RulesFile } from "#config.ts";
import { inTenant, type Tx } from "#db/db.ts";
import { append } from "#ledger/append.ts";
import { ask } from "#policy/approvals.ts";
import type { RulesState } from "#policy/rules-state.ts";
import { sameJson } from "#system/same-json.ts";
import { join } from "node:path";
import type { House } from "./open-house.ts";

export type RulesInForce = {
  current(): RulesFile;
  /** Since when they are in force, and what keeps the file as it stands now from being so. */
  state(): RulesState;
  /** Reads the file again. True if other rules are in force now. */
  check(): Promise<boolean>;
};

type Kept = { policy_version: string | null; policy_at: Date | null };

/**
 * The owner's rules. A change of steward.yaml counts at once, unless a hired agent is at work, or was since the file was
 * last read: an agent may write past its own folder, and nobody is their own judge. Then the rules before stay in force
 * and the owner is asked. What is in force is kept in the database, so that a restart does not let such a change in, and
 * workers follow the server.
 */
export async function rulesInForce(house: House): Promise<RulesInForce> {
  const { database, tenantId, clock, log, settings, kind } = house;
  const within = <T>(work: (tx: Tx) => Promise<T>) => inTenant(database.app, tenantId, work);
  let current = house.rules();
  let since = clock.now();
  /** Before the file was read: what an agent wrote after that is not in what was read. */
  let readAt = house.rulesReadAt;
  let broken: RulesState["broken"] = null;
  let asked: { version: string; approval: string } | null = null;

  const kept = await within(readKept);
  if (kept.policy_version === null) await takeOver(current, null);
  else if (kept.policy_version !== current.version) {
    const file = current;
    current = await within((tx) => readPolicy(tx, kept.policy_version!));
    if (kind === "server") await consider(file, kept.policy_at);
  }
  since = (await within(changedAt)) ?? since;

  async function check(): Promise<boolean> {
    const { policy_version, policy_at } = await within(readKept);
    if (kind !== "server") {
      if (policy_version === null || policy_version === current.version) return false;
      current = await within((tx) => readPolicy(tx, policy_version));
      since = (await within(changedAt)) ?? since;
      return true;
    }
    readAt = clock.now();
    const file = readRules(settings.workspace);
    if (file.problems.length > 0) {
      await refuse(file);
      return false;
    }
    if (broken !== null) await mended();
    if (file.version !== current.version) return consider(file, policy_at);
    asked = null;
    await within((tx) => sql`update tenant set policy_at = ${readAt} where id = ${tenantId}`.execute(tx));
    return false;
  }

  /** Said once for each way in which it is broken: on the page, in `steward status`, as an event and in the log. */
  async function refuse({ problems }: RulesFile): Promise<void> {
    if (broken !== null && sameJson(broken.problems, problems)) return;
    const at = clock.now();
    const told = problems.map(tellProblem);
    await within((tx) =>
      append(
        tx,
        { actor: "steward", at },
        { type: "policy.refused", subject: tenantId, inForce: current.version, problems: told },
      ),
    );
    broken = { since: broken?.since ?? at, problems };
    log.error({ problems: told }, `${rulesFileName} is not as it should be: the rules before stay in force`);
  }

  async function mended(): Promise<void> {
    await within((tx) =>
      append(
        tx,
        { actor: "steward", at: clock.now() },
        { type: "policy.mended", subject: tenantId, inForce: current.version },
      ),
    );
    broken = null;
  }

  async function consider(file: RulesFile, since: Date | null): Promise<boolean> {
    const decision = await within(async (tx) => {
      if (asked?.version === file.version) return stateOf(tx, asked.approval);
      const worker = await whoWorkedSince(tx, since);
      if (worker === null) return "approved";
      const changes = changesOf(current.rules, file.rules);
      const approval = await ask(tx, { actor: "steward", at: clock.now(), rule: "rules.changed_during_run" }, {
        kind: "rules_change",
        itemId: null,
        question: `Take over the changed ${rulesFileName}? ${changes.join("; ")}`,
        why: `It changed while ${worker} was at work. Until you approve, the rules before stay in force.`,
        payload: { from: current.version, to: file.version, changes },
      }); // prettier-ignore
      asked = { version: file.version, approval };
      return stateOf(tx, approval);
    });
    if (decision !== "approved") return false;
    await takeOver(file, current.version);
    return true;
  }

  /** In force once it is committed, with its event. */
  async function takeOver(file: RulesFile, from: string | null): Promise<void> {
    const at = clock.now();
    await within(async (tx) => {
      await sql`
        insert into policy (tenant_id, version, body, since) values (tenant_now(), ${file.version}, ${JSON.stringify(file.rules)}, ${at})
        on conflict do nothing`.execute(tx);
      await sql`update tenant set policy_version = ${file.version}, policy_at = ${readAt} where id = ${tenantId}`.execute(
        tx,
      );
      await append(tx, { actor: "owner", at }, { type: "policy.changed", subject: tenantId, from, to: file.version });
    });
    [current, since, asked] = [file, at, null];
  }

  async function changedAt(tx: Tx): Promise<Date | null> {
    const { rows } = await sql<{ at: Date }>`
      select at from event where type = 'policy.changed' and subject = ${tenantId} order by at desc limit 1`.execute(
      tx,
    );
    return rows[0]?.at ?? null;
  }

  async function readKept(tx: Tx): Promise<Kept> {
    const { rows } = await sql<Kept>`select policy_version, policy_at from tenant where id = ${tenantId}`.execute(tx);
    return rows[0]!;
  }

  return {
    current: () => current,
    state: () => ({
      file: join(settings.workspace, rulesFileName),
      version: current.version,
      since,
      broken,
      approval: asked?.approval ?? null,
    }),
    check,
  };
}

async function readPolicy(tx: Tx, version: string): Promise<RulesFile> {
  const { rows } = await sql<{ body: Rules }>`select body from policy where version = ${version}`.execute(tx);
  return { rules: rows[0]!.body, version, problems: [] };
}

async function stateOf(tx: Tx, approval: string): Promise<string> {
  const { rows } = await sql<{ state: string }>`select state from approval where id = ${approval}`.execute(tx);
  return rows[0]?.state ?? "open";
}

async function whoWorkedSince(tx: Tx, since: Date | null): Promise<string | null> {
  const { rows } = await sql<{ agent: string }>`
    select a.name as agent from run r join agent a on a.id = r.agent_id
    where a.kind <> 'builtin' and (r.state <> 'ended' or r.ended_at > ${since ?? new Date(0)}) limit 1`.execute(tx);
  return rows[0]?.agent ?? null;
}

/** Which settings differ, each with what it says now, cut short: a question is read by a person. */
function changesOf(before: Rules, after: Rules): string[] {
  return Object.entries(after).flatMap(([key, value]) => {
    const old = before[key as keyof Rules];
    return sameJson(old ?? null, value ?? null) ? [] : [`${key}: ${JSON.stringify(value).slice(0, 300)}`];
  });
}
