/**
 * Everything that can happen, on one page: `<subject>.<what happened>`, in the past tense. The types are stored, so
 * they are written strings that never change. `subject` is the id of what it happened to.
 */
export type Event =
  // The house itself
  | { type: "process.started"; subject: string; kind: string; host: string; pid: number; version: string }
  | { type: "process.ended"; subject: string; reason: string }
  | { type: "policy.changed"; subject: string; from: string | null; to: string }
  | { type: "policy.refused"; subject: string; inForce: string; problems: string[] }
  | { type: "policy.mended"; subject: string; inForce: string }
  // Items on their lines
  | { type: "item.seen"; subject: string; line: string; key: string; folder: string | null }
  | { type: "item.gone"; subject: string; line: string; key: string }
  | { type: "item.tried_again"; subject: string; key: string; ticket: string | null }
  | {
      type: "item.decided";
      subject: string;
      phase: string;
      stage: string;
      reasons: string[];
      needs: string | null;
      does: string;
      facts: object;
    }
  | {
      type: "item.moved";
      subject: string;
      key: string;
      fromStage: string;
      fromPhase: string;
      stage: string;
      phase: string;
      reasons: string[];
    }
  | { type: "round.opened"; subject: string; key: string; round: number; why: string; difference: string | null }
  | { type: "control.recorded"; subject: string; key: string; control: object }
  | { type: "control.proposed"; subject: string; key: string; by: string; change: object }
  // Tickets and runs
  | {
      type: "ticket.created";
      subject: string;
      item: string;
      kind: string;
      capability: string;
      title: string;
      round: number;
    }
  | {
      type: "ticket.claimed";
      subject: string;
      item: string;
      run: string;
      agent: string;
      fence: number;
      attempt: number;
      why: string;
    }
  | { type: "ticket.done"; subject: string; item: string; run: string; fence: number }
  | {
      type: "ticket.retried";
      subject: string;
      item: string;
      run: string;
      fence: number;
      attempt: number;
      reason: string;
      readyAt: string;
    }
  | { type: "ticket.refused"; subject: string; item: string; run: string; agent: string; reasons: string[] }
  | { type: "ticket.failed"; subject: string; item: string; run: string | null; reason: string }
  | { type: "ticket.cancelled"; subject: string; item: string; reason: string }
  | { type: "ticket.stop_asked"; subject: string; item: string; reason: string }
  | { type: "run.started"; subject: string; ticket: string; agent: string; pid: number | null }
  | { type: "run.reported"; subject: string; ticket: string; agent: string; outcome: string; detail: object }
  | {
      type: "run.applied";
      subject: string;
      ticket: string;
      applied: string[];
      conflicts: string[];
      proposals: string[];
    }
  | { type: "run.lost"; subject: string; ticket: string; fence: number; reason: string }
  | { type: "run.adopted"; subject: string; ticket: string; by: string }
  | { type: "run.stale_report_refused"; subject: string; ticket: string; fence: number }
  | { type: "run.progressed"; subject: string; ticket: string; percent: number | null; text: string }
  | { type: "run.verified"; subject: string; ticket: string; agent: string; ok: boolean }
  // Proof
  | {
      type: "gate.judged";
      subject: string;
      key: string;
      gate: string;
      ok: boolean;
      contentHash: string;
      settingsHash: string;
      reasons: string[];
      facts: object;
    }
  // Policy
  | { type: "switch.set"; subject: string; scope: string; scopeId: string; reason: string }
  | { type: "switch.lifted"; subject: string; scope: string; scopeId: string }
  | { type: "approval.asked"; subject: string; kind: string; question: string; why: string; payloadHash: string }
  | { type: "approval.decided"; subject: string; decision: string; from: string }
  | { type: "budget.set"; subject: string; scope: string; scopeId: string; unit: string; period: string; limit: number }
  // Effects, deployments and health
  | {
      type: "effect.started";
      subject: string;
      kind: string;
      key: string;
      payloadHash: string;
      dryRun: boolean;
      attempt: number;
    }
  | { type: "effect.refused"; subject: string; kind: string; key: string; reason: string }
  | { type: "effect.done"; subject: string; kind: string; key: string; costNano: number; result: object }
  | { type: "effect.failed"; subject: string; kind: string; key: string; reason: string }
  | { type: "service.deployed"; subject: string; key: string; version: string; port: number | null; target: string }
  | { type: "service.deploy_failed"; subject: string; key: string; version: string; reason: string }
  | { type: "service.rolled_back"; subject: string; key: string; from: string; to: string; reason: string }
  | { type: "service.restarted"; subject: string; key: string; version: string; reason: string }
  | { type: "service.brought_back"; subject: string; key: string; version: string; reason: string }
  | { type: "service.repair_asked"; subject: string; key: string; version: string; reason: string }
  /** Another target serves it now: what this one had put into production is ended, or the reason says why not. */
  | { type: "service.retired"; subject: string; key: string; version: string; target: string; reason: string }
  | {
      /** What serves is not what was recorded: the record follows it. `to`: null, if nothing does. */
      type: "service.record_corrected";
      subject: string;
      key: string;
      from: string;
      to: string | null;
      reason: string;
    }
  | { type: "service.health_changed"; subject: string; key: string; from: string; to: string; reason: string }
  | { type: "service.stopped"; subject: string; key: string; reason: string }
  | { type: "incident.opened"; subject: string; key: string; reason: string }
  | { type: "incident.closed"; subject: string; key: string; seconds: number }
  | { type: "secret.removed"; subject: string; service: string; name: string }
  | { type: "secret.set"; subject: string; service: string; name: string }
  // Agents
  | { type: "agent.registered"; subject: string; name: string; kind: string; capabilities: string[] }
  | { type: "agent.changed"; subject: string; name: string; change: string };
