import type { ColumnType, Generated, JSONColumnType } from "kysely";

/** Every table, on one page. What each is for stands in the migrations, beside its columns. */
export type Schema = {
  tenant: TenantTable;
  host: { id: string; tenant_id: string; name: string; boot_id: string; seen_at: Generated<Date> };
  process: ProcessTable;
  item: ItemTable;
  round: RoundTable;
  agent: AgentTable;
  ticket: TicketTable;
  blocker: { ticket_id: string; blocked_by: string; tenant_id: string };
  run: RunTable;
  switch: SwitchTable;
  budget: BudgetTable;
  reservation: ReservationTable;
  quiet_hours: QuietHoursTable;
  approval: ApprovalTable;
  effect: EffectTable;
  verdict: VerdictTable;
  deployment: DeploymentTable;
  incident: IncidentTable;
  uptime: { item_id: string; tenant_id: string; hour: Date; ok: Generated<number>; failed: Generated<number> };
  secret: { tenant_id: string; service: string; name: string; sealed: string; set_at: Date };
  policy: { tenant_id: string; version: string; body: Json<object>; since: Date };
  event: EventTable;
  pending: { id: string; tenant_id: string; event_ids: string[] };
  seal: { tenant_id: string; seq: number; event_id: string; hash: string; sealed_at: Generated<Date> };
};

/** A jsonb column: read as the parsed value, written as JSON text. */
type Json<T extends object | null> = JSONColumnType<T, string, string>;
/** A jsonb column with a default in the table. */
type JsonWithDefault<T extends object> = ColumnType<T, string | undefined, string>;
/** A column that the first insert may leave out because its null or default is right. */
type Optional<T> = ColumnType<T, T | undefined, T>;

export type Scope = "everything" | "agent" | "client" | "line" | "item" | "run";
export type TicketState = "waiting" | "ready" | "claimed" | "done" | "failed" | "cancelled";
export type RunState = "starting" | "running" | "reported" | "ended";
export type LeaseKind = "process" | "runner" | "session";
export type AgentKind = "spawned" | "session" | "builtin" | "person";
export type Health = "unknown" | "starting" | "healthy" | "unhealthy" | "stopped";
export type BudgetUnit = "nano_usd" | "tokens" | "runs" | "seconds";
export type BudgetPeriod = "hour" | "day" | "week" | "month" | "ever";
export type DeploymentState = "deploying" | "live" | "superseded" | "failed" | "rolled_back" | "stopped";

type TenantTable = {
  id: string;
  name: string;
  /** The rules in force, and when the owner's file was last seen to say the same. */
  policy_version: Optional<string | null>;
  policy_at: Optional<Date | null>;
  created_at: Generated<Date>;
};

type ProcessTable = {
  id: string;
  tenant_id: string;
  host_id: string;
  kind: "server" | "worker" | "command";
  pid: number;
  start_time: string;
  started_at: Generated<Date>;
  seen_at: Generated<Date>;
  ended_at: Optional<Date | null>;
};

type ItemTable = {
  id: string;
  tenant_id: string;
  line: string;
  key: string;
  folder: Optional<string | null>;
  stage: string;
  phase: string;
  reasons: JsonWithDefault<string[]>;
  needs: Optional<string | null>;
  facts: JsonWithDefault<object>;
  stack: Optional<string | null>;
  port: Optional<number | null>;
  owner: Optional<string | null>;
  client: Optional<string | null>;
  round: Generated<number>;
  /** Grows with each observation, so that one made from an older look at the folder is seen to be old. */
  version: Generated<number>;
  /** Failures before this do not count any more: the owner changed something, or asked for another try. */
  patience_from: Generated<Date>;
  /** When its folder was last looked at: what a run did later may only show at the next look. */
  looked_at: Optional<Date | null>;
  /** What its files, the rules and the tables said at that look: while they say the same, there is nothing to see. */
  stamp: Optional<string | null>;
  /** Hash of the content seen last, and of the content that Steward itself applied last. */
  content_hash: Optional<string | null>;
  applied_hash: Optional<string | null>;
  /** The owner's version of what governs this item's gates, and a change to it that waits for the owner. */
  control: ColumnType<object | null, string | null | undefined, string | null>;
  /** Of the settings in force: a verdict by others does not count. */
  gate_hash: Optional<string | null>;
  /** Of what decides how a release fares beside its content: that one was sick does not count against another. */
  release_hash: Optional<string | null>;
  control_proposed: ColumnType<object | null, string | null | undefined, string | null>;
  health: Generated<Health>;
  health_reason: Optional<string | null>;
  health_at: Optional<Date | null>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  gone_at: Optional<Date | null>;
};

type RoundTable = {
  item_id: string;
  tenant_id: string;
  number: number;
  spec_hash: string;
  spec_text: string;
  difference: Optional<string | null>;
  opened_at: Date;
  built_at: Optional<Date | null>;
};

type AgentTable = {
  id: string;
  tenant_id: string;
  name: string;
  kind: AgentKind;
  capabilities: string[];
  slots: Generated<number>;
  about: Generated<string>;
  config: JsonWithDefault<object>;
  off_at: Optional<Date | null>;
  created_at: Generated<Date>;
  seen_at: Optional<Date | null>;
};

type TicketTable = {
  id: string;
  tenant_id: string;
  item_id: string;
  line: string;
  kind: string;
  capability: string;
  state: TicketState;
  priority: Generated<number>;
  ready_at: Generated<Date>;
  deadline_at: Optional<Date | null>;
  attempt: Generated<number>;
  max_attempts: Generated<number>;
  losses: Generated<number>;
  round: Generated<number>;
  dedupe_key: string;
  title: string;
  body: JsonWithDefault<object>;
  /** Nano-dollars held while the ticket is worked on. */
  estimate_nano: Generated<number>;
  approval_id: Optional<string | null>;
  refused_by: Generated<string[]>;
  fence: Generated<number>;
  lease_kind: Optional<LeaseKind | null>;
  lease_until: Optional<Date | null>;
  run_id: Optional<string | null>;
  process_id: Optional<string | null>;
  stop_reason: Optional<string | null>;
  last_error: Optional<string | null>;
  outcome: Optional<string | null>;
  created_at: Generated<Date>;
  updated_at: Generated<Date>;
  ended_at: Optional<Date | null>;
};

type RunTable = {
  id: string;
  tenant_id: string;
  ticket_id: string;
  item_id: string;
  agent_id: string;
  capability: string;
  kind: string;
  fence: number;
  attempt: number;
  state: Generated<RunState>;
  host_id: string;
  process_id: string;
  folder: Optional<string | null>;
  pid: Optional<number | null>;
  progress: Optional<string | null>;
  percent: Optional<number | null>;
  heartbeat_at: Optional<Date | null>;
  started_at: Generated<Date>;
  ended_at: Optional<Date | null>;
  outcome: Optional<string | null>;
  detail: JsonWithDefault<object>;
  /** Whether Steward's own gate passed what this run made; null until it was judged. */
  verified: Optional<boolean | null>;
  cost_nano: Generated<number>;
};

type SwitchTable = {
  id: string;
  tenant_id: string;
  scope: Scope;
  scope_id: Generated<string>;
  reason: string;
  set_by: string;
  set_at: Date;
  lifted_by: Optional<string | null>;
  lifted_at: Optional<Date | null>;
};

type BudgetTable = {
  id: string;
  tenant_id: string;
  scope: Exclude<Scope, "run">;
  scope_id: Generated<string>;
  unit: BudgetUnit;
  period: BudgetPeriod;
  period_start: Generated<Date>;
  limit_amount: number;
  spent: Generated<number>;
  reserved: Generated<number>;
  created_at: Generated<Date>;
};

type ReservationTable = {
  /** The run or effect that holds the amounts. */
  holder: string;
  tenant_id: string;
  budget_ids: string[];
  /** The nth is of the nth budget. */
  amounts: number[];
};

type QuietHoursTable = {
  id: string;
  tenant_id: string;
  scope: Exclude<Scope, "run">;
  scope_id: Generated<string>;
  from_minute: number;
  to_minute: number;
  days: Generated<number[]>;
  zone: Generated<string>;
};

type ApprovalTable = {
  id: string;
  tenant_id: string;
  kind: string;
  item_id: Optional<string | null>;
  ticket_id: Optional<string | null>;
  question: string;
  why: string;
  payload: Json<object>;
  payload_hash: string;
  state: Generated<"open" | "approved" | "declined" | "expired" | "withdrawn">;
  expires_at: Optional<Date | null>;
  on_expiry: Generated<"approve" | "decline">;
  asked_at: Date;
  decided_at: Optional<Date | null>;
  decided_by: Optional<string | null>;
  decided_from: Optional<string | null>;
};

type EffectTable = {
  id: string;
  tenant_id: string;
  key: string;
  kind: string;
  item_id: Optional<string | null>;
  run_id: Optional<string | null>;
  payload: Json<object>;
  payload_hash: string;
  dry_run: Generated<boolean>;
  state: "doing" | "done" | "failed" | "unknown";
  process_id: string;
  attempt: Generated<number>;
  result: ColumnType<object | null, string | null | undefined, string | null>;
  cost_nano: Generated<number>;
  started_at: Date;
  ended_at: Optional<Date | null>;
};

type VerdictTable = {
  id: string;
  tenant_id: string;
  item_id: string;
  run_id: Optional<string | null>;
  gate: string;
  round: number;
  content_hash: string;
  settings_hash: string;
  ok: boolean;
  reasons: Json<string[]>;
  facts: Json<object>;
  at: Date;
};

type DeploymentTable = {
  id: string;
  tenant_id: string;
  item_id: string;
  host_id: string;
  target: string;
  version: string;
  round: number;
  content_hash: string;
  state: DeploymentState;
  port: Optional<number | null>;
  detail: JsonWithDefault<object>;
  started_at: Date;
  ended_at: Optional<Date | null>;
};

type IncidentTable = {
  id: string;
  tenant_id: string;
  item_id: string;
  reason: string;
  steps: JsonWithDefault<{ at: string; did: string; reason: string }[]>;
  opened_at: Date;
  closed_at: Optional<Date | null>;
};

type EventTable = {
  id: string;
  tenant_id: string;
  at: Date;
  type: string;
  subject: string;
  actor: string;
  rule: Optional<string | null>;
  policy: Optional<string | null>;
  body: Json<object>;
};
