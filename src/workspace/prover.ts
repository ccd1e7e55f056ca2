import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { sql } from "kysely";
import { inTenant } from "#db/db.ts";
import { toJson } from "#db/json.ts";
import { outlastDatabase } from "#db/outlast.ts";
import type { Claimed } from "#dispatch/claim.ts";
import { report, type Outcome } from "#dispatch/report.ts";
import type { WorkTools } from "#dispatch/work-tools.ts";
import type { BuiltinAgent } from "#dispatch/worker.ts";
import { append } from "#ledger/append.ts";
import type { Event } from "#ledger/events.ts";
import { gateSettingsOf, type Control } from "#lines/service/control.ts";
import { OWN_CAPABILITIES } from "#lines/service/decide.ts";
import { isNotJudged } from "#lines/service/phase.ts";
import { proveService } from "#proof/check-service.ts";
import type { Facts, Verdict } from "#proof/verdict.ts";
import { Failure } from "#system/failure.ts";
import { uuidv7 } from "#system/ids.ts";
import { rememberVerdict } from "./verdicts-file.ts";
import { failpoint } from "#system/failpoint.ts";

/**
 * Door 4 as an agent: runs a service's gates in a clean copy, by the owner's settings, and stores the verdicts with the
 * hash of what was judged. A red verdict is a done ticket: it says what comes next. Only a check that could not be made,
 * such as a missing runner, is a failure, and is tried again.
 */
export function prover(
  tools: WorkTools,
  { workspace, slots, testMinutes }: { workspace: string; slots: number; testMinutes: () => number },
): BuiltinAgent {
  return {
    name: "prover",
    capabilities: ["prover"],
    about:
      "Steward itself: runs every gate (spec, build files, tests with coverage) in a clean place. It writes nothing into the service.",
    slots,
    async run(claimed, signal) {
      const subject = await readSubject(tools, claimed);
      const scratchDir = await makeScratch(tools.home, claimed.runId);
      try {
        const verdicts = await proveService({
          serviceDir: subject.folder,
          settings: gateSettingsOf(subject.control, { testMinutes: testMinutes(), allowFewerTests: subject.newSpec }),
          ...(subject.before && { before: subject.before }),
          scratchDir,
          cacheDir: join(tools.home, "cache"),
          signal,
          now: () => tools.clock.now(),
        });
        if (signal.aborted) return { outcome: "stopped", reason: String(signal.reason) };
        failpoint("proof.judged");
        await store(tools, claimed, verdicts);
        failpoint("proof.stored");
        for (const verdict of verdicts)
          await rememberVerdict(workspace, claimed.item_key, verdict, { at: tools.clock.now() });
        return "reported";
      } finally {
        await rm(scratchDir, { recursive: true, force: true });
      }
    },
  };
}

type Subject = { folder: string; control: Control; before: Facts | null; newSpec: boolean };

/** What is true now: where it lies, the owner's settings, and the last verdict of its tests before this content. */
async function readSubject({ database, tenantId }: WorkTools, { item_id, round }: Claimed): Promise<Subject> {
  return inTenant(database.app, tenantId, async (tx) => {
    const item = await tx
      .selectFrom("item")
      .select(["folder", "control", "key"])
      .where("id", "=", item_id)
      .executeTakeFirstOrThrow();
    if (!item.folder || !item.control) throw new Failure("not_found", `${item.key} has no folder any more.`);
    const { rows } = await sql<{ facts: Facts; round: number }>`
      select facts, round from verdict where item_id = ${item_id} and gate = 'tests' order by at desc limit 1`.execute(
      tx,
    );
    const before = rows[0];
    return {
      folder: item.folder,
      control: item.control as Control,
      before: before?.facts ?? null,
      newSpec: before !== undefined && before.round !== round,
    };
  });
}

/** Named for its run: what a killed process leaves behind is known by it, and taken away at the next start. */
async function makeScratch(home: string, runId: string): Promise<string> {
  const scratchDir = join(home, "scratch", runId);
  await mkdir(scratchDir, { recursive: true });
  await mkdir(join(home, "cache"), { recursive: true });
  return scratchDir;
}

/** Verdicts, what they mean for the runs that made this content, and the report, in one transaction. */
async function store(tools: WorkTools, claimed: Claimed, verdicts: Verdict[]): Promise<void> {
  const { database, tenantId, clock } = tools;
  const last = verdicts.at(-1)!;
  const outcome: Outcome =
    !last.ok && isNotJudged(last) && last.facts.kind !== "content_changed"
      ? { outcome: "failed", reason: last.reasons.join("; ") }
      : { outcome: "done" };
  await outlastDatabase(database, () => inTenant(database.app, tenantId, async (tx) => {
    const at = clock.now();
    const accepted = await report(tx, at, [{ ...outcome, ticketId: claimed.id, runId: claimed.runId, fence: claimed.fence, agent: "prover", detail: { ok: last.ok, reasons: last.reasons } }]);
    if (accepted.size === 0) return;
    const events: Event[] = [];
    for (const { gate, ok, reasons, facts, contentHash, settingsHash } of verdicts) {
      await tx.insertInto("verdict").values({
        id: uuidv7(), tenant_id: tenantId, item_id: claimed.item_id, run_id: claimed.runId, gate, round: claimed.round, content_hash: contentHash,
        settings_hash: settingsHash, ok, reasons: toJson(reasons), facts: toJson(facts), at,
      }).execute(); // prettier-ignore
      const { cases: _cases, output: _output, ...brief } = facts;
      events.push({ type: "gate.judged", subject: claimed.item_id, key: claimed.item_key, gate, ok, contentHash, settingsHash, reasons, facts: brief });
    }
    if (last.gate === "tests" && !isNotJudged(last)) {
      const { rows } = await sql<{ id: string; ticket_id: string; agent: string }>`
        update run r set verified = ${last.ok} from agent a
        where a.id = r.agent_id and r.item_id = ${claimed.item_id} and r.verified is null and r.outcome = 'done' and not r.capability = any(${[...OWN_CAPABILITIES]})
        returning r.id, r.ticket_id, a.name as agent`.execute(tx);
      for (const run of rows) events.push({ type: "run.verified", subject: run.id, ticket: run.ticket_id, agent: run.agent, ok: last.ok });
    }
    await append(tx, { actor: "steward", at, rule: "proof.gates" }, ...events);
  })); // prettier-ignore
}
