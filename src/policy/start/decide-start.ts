import { heldBack } from "./held-back.ts";
import { listed } from "./listed.ts";
import { mediumMay } from "./medium-may.ts";
import type { Meetings } from "./meetings.ts";
import { findPathConflict, type RunningTask } from "./path-conflict.ts";
import type { QueueSettings } from "./queue-settings.ts";
import { readRequirements, tellMissing, type Missing } from "./requirements.ts";
import { riskWords, type RiskFinding, type RiskKind } from "./risk-kinds.ts";
import { findRisk } from "./risk.ts";
import type { StartTask } from "./start-task.ts";
import { textHash } from "./text-hash.ts";

/** What an answer of the owner may be about: a kind of risk, that it is unclear, when, or that it may meet a running task (by its key). */
export type AskKind = RiskKind | "requirements" | "start" | `conflict:${string}`;

export type Ask = { kind: AskKind; question: string; risk: "low" | "high"; found: RiskFinding[] };

/** An answer "yes" that stands. It lifts its own kind, for the very text that was asked about. */
export type StartApproval = { kind: string; textHash: string };

export type StartRule =
  | "task.done"
  | "task.running"
  | "task.blocked"
  | "task.after"
  | "task.unclear"
  | "task.risk"
  | "queue.full"
  | "task.conflict"
  | "priority.high"
  | "priority.medium"
  | "priority.low"
  | "off-hours"
  | "meeting"
  | "calendar"
  | "approved";

export type StartDecision = {
  start: boolean;
  does: "start" | "wait" | "ask";
  rule: StartRule;
  /** For the owner, in one sentence. */
  why: string;
  /** When it will be otherwise by itself, if that is known. */
  until?: Date;
  /** What the owner is asked, all of it at once. */
  asks?: Ask[];
  /** What is not clear; with `blocks`, why it may not start. */
  missing?: Missing[];
};

export type StartFacts = {
  now: Date;
  settings: QueueSettings;
  running: readonly RunningTask[];
  /** Keys of tasks that are done, also of those that have left the file. */
  done: ReadonlySet<string>;
  /** All tasks of the file: what others wait for. */
  tasks: readonly Pick<StartTask, "key" | "name" | "after">[];
  /** Answers that stand, of this task. */
  approvals: readonly StartApproval[];
  /** Null where the owner has no calendar. */
  meetings: Meetings | null;
};

/**
 * Whether a task of the queue may start, by the first rule that has something to say:
 *
 * 1. it is done, or ticked; or runs already
 * 2. something blocks it; a task that it comes after is not done
 * 3. it is not clear what it wants or when it is done: asks
 * 4. it has a risk that nobody answered for: asks, whatever its priority (Low asks for its start in the same breath)
 * 5. as many builds run as may
 * 6. it would work on the paths of a running task: waits; nobody knows on which: asks
 * 7. High starts; Medium waits for off-hours and the end of a meeting; Low asks
 *
 * An approval lifts its own kind only; "start" lifts rule 7, of Medium as well. No approval lifts 1, 2, 5, nor that two
 * builds never share paths. Switches and budgets are asked where a ticket is claimed.
 */
export function decideStart(task: StartTask, facts: StartFacts): StartDecision {
  const approved = approvalsOf(task, facts.approvals);
  return (
    standsAlready(task, facts) ??
    isHeld(task, facts) ??
    isUnclear(task, approved) ??
    isRisky(task, facts, approved) ??
    isFull(facts) ??
    meetsAnother(task, facts, approved) ??
    byPriority(task, facts, approved)
  );
}

type Approved = (kind: AskKind) => boolean;

function approvalsOf(task: StartTask, approvals: readonly StartApproval[]): Approved {
  if (approvals.length === 0) return () => false;
  const hash = textHash(task);
  const kinds = new Set(approvals.filter((one) => one.textHash === hash).map(({ kind }) => kind));
  return (kind) => kinds.has(kind);
}

function standsAlready(task: StartTask, { running, done }: StartFacts): StartDecision | null {
  if (running.some(({ key }) => key === task.key)) return wait("task.running", "It is being built.");
  if (task.section === "completed" || done.has(task.key)) return wait("task.done", "It is done.");
  return task.ticked ? wait("task.done", "Its box is ticked: it counts as done.") : null;
}

function isHeld(task: StartTask, facts: StartFacts): StartDecision | null {
  const held = heldBack(task, facts);
  return held && wait(held.rule, held.why);
}

function isUnclear(task: StartTask, approved: Approved): StartDecision | null {
  const { clear, missing } = readRequirements(task);
  if (clear || approved("requirements")) return null;
  const open = missing.filter(({ blocks }) => blocks).map(tellMissing);
  const question = `"${task.name}" is not clear yet. Say more, or build it as it stands?`;
  return {
    ...asking("task.unclear", `It is not clear enough to build: ${open.join("; ")}.`, [
      { kind: "requirements", question, risk: "low", found: [] },
    ]),
    missing,
  };
}

function isRisky(task: StartTask, { settings }: StartFacts, approved: Approved): StartDecision | null {
  const { found } = findRisk(task, settings.allow);
  const open = Map.groupBy(
    found.filter(({ kind }) => !approved(kind)),
    ({ kind }) => kind,
  );
  if (open.size === 0) return null;
  const asks = [...open].map(([kind, findings]): Ask => ({
    kind,
    question: `"${task.name}" ${riskWords[kind]}: ${quoted(findings)}. May it?`,
    risk: "high",
    found: findings,
  }));
  const why = `It asks first, for it ${listed([...open].map(([kind, findings]) => `${riskWords[kind]} (${quoted(findings)})`))}.`;
  return asking("task.risk", why, task.priority === "low" && !approved("start") ? [...asks, startAsk(task)] : asks);
}

function isFull({ running, settings: { parallel } }: StartFacts): StartDecision | null {
  if (running.length < parallel) return null;
  const most = parallel === 1 ? "one build runs" : `${parallel} builds run`;
  return wait("queue.full", `It waits for ${listed(running.map(({ name }) => `"${name}"`))}: ${most} at a time.`);
}

function meetsAnother({ name, paths }: StartTask, { running }: StartFacts, approved: Approved): StartDecision | null {
  const met = findPathConflict(paths, running);
  if (met?.paths) {
    const shared = [...new Set(met.paths)].join(" and ");
    return wait("task.conflict", `It waits for "${met.with.name}", which works on the same paths: ${shared}.`);
  }
  const unknown = findPathConflict(paths, running.filter(({ key }) => !approved(`conflict:${key}`))); // prettier-ignore
  if (!unknown) return null;
  const other = unknown.with;
  const who = paths.length === 0 ? "It names no paths" : `"${other.name}", which is running, names no paths`;
  const why = `${who}, so nobody knows whether the two would work on the same files. It starts by itself when "${other.name}" is done.`;
  const question = `May "${name}" run beside "${other.name}"? ${who}.`;
  return asking("task.conflict", why, [{ kind: `conflict:${other.key}`, question, risk: "low", found: [] }]);
}

function byPriority(task: StartTask, facts: StartFacts, approved: Approved): StartDecision {
  if (task.priority === "high") return start("priority.high", "Its priority is High: it may start at any time.");
  if (approved("start")) return start("approved", "Its owner said that it may start.");
  if (task.priority === "low")
    return asking("priority.low", "Its priority is Low: it never starts without a yes.", [startAsk(task)]);
  const medium = task.priority === null ? "It has no priority, which counts as Medium" : "Its priority is Medium";
  const { rule, why, until } = mediumMay(facts);
  if (rule === "priority.medium") return start(rule, `${medium}, and ${why}`);
  return { ...wait(rule, `${medium}: ${why}`), ...(until && { until }) };
}

function startAsk({ name }: StartTask): Ask {
  return { kind: "start", question: `"${name}" has the priority Low. May it start?`, risk: "low", found: [] };
}

function start(rule: StartRule, why: string): StartDecision {
  return { start: true, does: "start", rule, why };
}

function wait(rule: StartRule, why: string): StartDecision {
  return { start: false, does: "wait", rule, why };
}

function asking(rule: StartRule, why: string, asks: Ask[]): StartDecision {
  return { start: false, does: "ask", rule, why, asks };
}

function quoted(findings: RiskFinding[]): string {
  const words = [
    ...new Set(findings.map((one) => `"${one.words.length > 120 ? `${one.words.slice(0, 119)}…` : one.words}"`)),
  ];
  return listed(words.length > 5 ? [...words.slice(0, 5), `${words.length - 5} more`] : words);
}
