-- The house: one engine for every line of work. Every row belongs to a tenant; row-level security is forced on every
-- table. :app is the program's role (sees the tenant named by app.tenant, and nothing without it). :engine is the role
-- of the parts that look across tenants (who has ready work, whose lease ran out, what is to be sealed): it may see
-- and do just what its policies below name. Keys compare bytewise (COLLATE "C"), so that sorting is the same everywhere.

-- Rows written at the claim's rate carry no foreign key to tenant: the key-share locks on that one row cost more than
-- the row itself, and the policy's check already ties each row to the tenant in force.

create function tenant_now() returns uuid language sql stable
as $$ select nullif(current_setting('app.tenant', true), '')::uuid $$;

-- Ends a statement, and with it its transaction, from within: for what shows only after most of it was written.
create function refuse(problem text) returns boolean language plpgsql
as $$ begin raise exception '%', problem using errcode = 'ST001'; end $$;

create table tenant (
  id uuid primary key,
  name text not null,
  policy_version text,
  policy_at timestamptz,
  created_at timestamptz not null default now()
);

-- A machine, and a Steward process on it. A host's id is kept in its home folder; boot_id changes with each boot.
create table host (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null,
  boot_id text not null,
  seen_at timestamptz not null default now()
);
create table process (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  host_id uuid not null references host,
  kind text not null check (kind in ('server', 'worker', 'command')),
  pid int not null,
  start_time text not null,
  started_at timestamptz not null default now(),
  seen_at timestamptz not null default now(),
  ended_at timestamptz
);

-- A thing that moves along a line: a service, later a task, a lead, an invoice.
create table item (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  line text not null collate "C",
  key text not null collate "C",
  folder text,
  stage text not null,
  phase text not null,
  reasons jsonb not null default '[]',
  needs text,
  facts jsonb not null default '{}',
  stack text,
  port int,
  owner text,
  client text collate "C",
  round int not null default 1,
  version int not null default 0,
  patience_from timestamptz not null default now(),
  looked_at timestamptz,
  stamp text,
  content_hash text,
  applied_hash text,
  control jsonb,
  gate_hash text,
  release_hash text,
  control_proposed jsonb,
  health text not null default 'unknown' check (health in ('unknown', 'starting', 'healthy', 'unhealthy', 'stopped')),
  health_reason text,
  health_at timestamptz,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  gone_at timestamptz,
  unique (tenant_id, line, key)
);

-- One way of an item along its line. A changed spec opens the next one.
create table round (
  item_id uuid not null references item,
  tenant_id uuid not null references tenant,
  number int not null,
  spec_hash text not null,
  spec_text text not null,
  difference text,
  opened_at timestamptz not null,
  built_at timestamptz,
  primary key (item_id, number)
);

create table agent (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  name text not null collate "C",
  kind text not null check (kind in ('spawned', 'session', 'builtin', 'person')),
  capabilities text[] not null,
  slots int not null default 1 check (slots >= 0),
  about text not null default '',
  config jsonb not null default '{}',
  off_at timestamptz,
  created_at timestamptz not null default now(),
  seen_at timestamptz,
  unique (tenant_id, name)
);

-- One stage's work for one item.
--
--   waiting ──► ready ──► claimed ──► done
--      ▲          ▲          │  ├───► failed      (attempts used up, or cannot be)
--      └──────────┴──────────┘  └───► cancelled   (from any live state)
--
-- claimed → ready: a retry, a refusal or a lost worker; ready_at says from when. A failure counts as an attempt, a lost
-- worker as a loss: the work is not at fault, so it has more of these. The fence grows with each claim, so a
-- report with an older fence changes nothing.
create table ticket (
  id uuid primary key,
  tenant_id uuid not null,
  item_id uuid not null references item,
  line text not null collate "C",
  kind text not null,
  capability text not null collate "C",
  state text not null check (state in ('waiting', 'ready', 'claimed', 'done', 'failed', 'cancelled')),
  priority int not null default 50,
  ready_at timestamptz not null default now(),
  deadline_at timestamptz,
  attempt int not null default 0,
  max_attempts int not null default 4,
  losses int not null default 0,
  round int not null default 1,
  dedupe_key text not null collate "C",
  title text not null,
  body jsonb not null default '{}',
  estimate_nano bigint not null default 0 check (estimate_nano >= 0),
  approval_id uuid,
  refused_by uuid[] not null default '{}',
  fence bigint not null default 0,
  lease_kind text check (lease_kind in ('process', 'runner', 'session')),
  lease_until timestamptz,
  run_id uuid,
  process_id uuid,
  stop_reason text,
  last_error text,
  outcome text,
  created_at timestamptz not null default now(),
  updated_at timestamptz not null default now(),
  ended_at timestamptz,
  check ((state = 'claimed') = (lease_until is not null))
);
-- A stage is asked for once: a second sweep that comes to the same decision finds this.
create unique index ticket_live on ticket (tenant_id, dedupe_key) where state in ('waiting', 'ready', 'claimed');
create index ticket_lane on ticket (tenant_id, capability, priority desc, ready_at, id) where state = 'ready';
-- Not by lease_until: a renewal, every second for each run, then changes no index.
create index ticket_claimed on ticket (process_id) where state = 'claimed';
create index ticket_item on ticket (item_id, created_at);

create table blocker (
  ticket_id uuid not null references ticket,
  blocked_by uuid not null references ticket,
  tenant_id uuid not null,
  primary key (ticket_id, blocked_by)
);

-- One attempt at a ticket.
create table run (
  id uuid primary key,
  tenant_id uuid not null,
  ticket_id uuid not null,
  item_id uuid not null,
  agent_id uuid not null,
  capability text not null collate "C",
  kind text not null,
  fence bigint not null,
  attempt int not null,
  state text not null default 'starting' check (state in ('starting', 'running', 'reported', 'ended')),
  host_id uuid not null,
  process_id uuid not null,
  folder text,
  pid int,
  progress text,
  percent int check (percent between 0 and 100),
  heartbeat_at timestamptz,
  started_at timestamptz not null default now(),
  ended_at timestamptz,
  outcome text,
  detail jsonb not null default '{}',
  verified boolean,
  cost_nano bigint not null default 0
);
create index run_live on run (host_id, agent_id) where state <> 'ended';
create index run_agent on run (agent_id, started_at desc);
create index run_ticket on run (ticket_id, started_at);

-- Stops a scope. While one stands (lifted_at is null) no door opens for anything in it.
create table switch (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  scope text not null check (scope in ('everything', 'agent', 'client', 'line', 'item', 'run')),
  scope_id text not null default '' collate "C",
  reason text not null,
  set_by text not null,
  set_at timestamptz not null,
  lifted_by text,
  lifted_at timestamptz
);
create unique index switch_live on switch (tenant_id, scope, scope_id) where lifted_at is null;

-- A limit on a scope and period. spent + reserved never exceeds limit_amount, whatever the concurrency: whoever adds
-- locks the row, asks, and adds.
create table budget (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  scope text not null check (scope in ('everything', 'agent', 'client', 'line', 'item')),
  scope_id text not null default '' collate "C",
  unit text not null check (unit in ('nano_usd', 'tokens', 'runs', 'seconds')),
  period text not null check (period in ('hour', 'day', 'week', 'month', 'ever')),
  period_start timestamptz not null default 'epoch',
  limit_amount bigint not null check (limit_amount >= 0),
  spent bigint not null default 0,
  reserved bigint not null default 0 check (reserved >= 0),
  created_at timestamptz not null default now(),
  unique (tenant_id, scope, scope_id, unit, period)
);
-- What a run or an effect holds of the budgets over it: the nth amount of the nth budget. No foreign key: whoever
-- reserves holds the budgets' rows, and the key's own lock on them, for each of a batch's reservations, cost more than
-- the rest of the claim.
create table reservation (
  holder uuid primary key,
  tenant_id uuid not null,
  budget_ids uuid[] not null,
  amounts bigint[] not null check (cardinality(amounts) = cardinality(budget_ids) and 0 <= all (amounts))
);

-- Hours in which nothing in the scope starts by itself. from_minute > to_minute crosses midnight. Days are ISO
-- weekdays (1 = Monday) of the day on which the window opens.
create table quiet_hours (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  scope text not null check (scope in ('everything', 'agent', 'client', 'line', 'item')),
  scope_id text not null default '' collate "C",
  from_minute int not null check (from_minute between 0 and 1439),
  to_minute int not null check (to_minute between 0 and 1440),
  days int[] not null default '{1,2,3,4,5,6,7}',
  zone text not null default 'UTC'
);

create table approval (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  kind text not null,
  item_id uuid references item,
  ticket_id uuid references ticket,
  question text not null,
  why text not null,
  payload jsonb not null,
  payload_hash text not null,
  state text not null default 'open' check (state in ('open', 'approved', 'declined', 'expired', 'withdrawn')),
  expires_at timestamptz,
  on_expiry text not null default 'decline' check (on_expiry in ('approve', 'decline')),
  asked_at timestamptz not null,
  decided_at timestamptz,
  decided_by text,
  decided_from text
);
create unique index approval_open on approval (tenant_id, payload_hash) where state = 'open';

-- One change to the world; at most one per idempotency key.
create table effect (
  id uuid primary key,
  tenant_id uuid not null,
  key text not null collate "C",
  kind text not null,
  item_id uuid references item,
  run_id uuid,
  payload jsonb not null,
  payload_hash text not null,
  dry_run boolean not null default false,
  state text not null check (state in ('doing', 'done', 'failed', 'unknown')),
  process_id uuid not null,
  attempt int not null default 1,
  result jsonb,
  cost_nano bigint not null default 0,
  started_at timestamptz not null,
  ended_at timestamptz
);
create unique index effect_once on effect (tenant_id, key) where not dry_run;

-- What Steward itself found when it judged a content. Bound to that content and to the owner's settings.
create table verdict (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  item_id uuid not null references item,
  run_id uuid,
  gate text not null,
  round int not null,
  content_hash text not null,
  settings_hash text not null,
  ok boolean not null,
  reasons jsonb not null,
  facts jsonb not null,
  at timestamptz not null
);
create index verdict_item on verdict (item_id, at desc);

create table deployment (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  item_id uuid not null references item,
  host_id uuid not null references host,
  target text not null,
  version text not null,
  round int not null,
  content_hash text not null,
  state text not null check (state in ('deploying', 'live', 'superseded', 'failed', 'rolled_back', 'stopped')),
  port int,
  detail jsonb not null default '{}',
  started_at timestamptz not null,
  ended_at timestamptz
);
create unique index deployment_live on deployment (item_id) where state = 'live';
create index deployment_item on deployment (item_id, started_at desc);

create table incident (
  id uuid primary key,
  tenant_id uuid not null references tenant,
  item_id uuid not null references item,
  reason text not null,
  steps jsonb not null default '[]',
  opened_at timestamptz not null,
  closed_at timestamptz
);
create unique index incident_open on incident (item_id) where closed_at is null;

-- Probe results by the hour, for the uptime figure.
create table uptime (
  item_id uuid not null references item,
  tenant_id uuid not null,
  hour timestamptz not null,
  ok int not null default 0,
  failed int not null default 0,
  primary key (item_id, hour)
);

create table secret (
  tenant_id uuid not null references tenant,
  service text not null collate "C",
  name text not null collate "C",
  sealed text not null,
  set_at timestamptz not null,
  primary key (tenant_id, service, name)
);

-- What the owner's rules said, so that a decision can be explained and replayed. The version is the hash of the body.
create table policy (
  tenant_id uuid not null references tenant,
  version text not null,
  body jsonb not null,
  since timestamptz not null,
  primary key (tenant_id, version)
);

-- The ledger. Events and seals are added, never changed: the program's role has no right to. Pending is what the
-- sealer still has to seal; it is the only part that empties.
create table event (
  id uuid primary key,
  tenant_id uuid not null,
  at timestamptz not null,
  type text not null collate "C",
  subject text not null collate "C",
  actor text not null,
  rule text,
  policy text,
  body jsonb not null
);
create index event_subject on event (tenant_id, subject, id);
-- One row for all events that were added together: a row for each was a third of what an event cost.
create table pending (
  id uuid primary key,
  tenant_id uuid not null,
  event_ids uuid[] not null
);
create table seal (
  tenant_id uuid not null,
  seq bigint not null,
  event_id uuid not null unique,
  hash text not null,
  sealed_at timestamptz not null default now(),
  primary key (tenant_id, seq)
);

-- Everybody sees only their tenant.
do $$
declare name text;
begin
  foreach name in array array['host', 'process', 'item', 'round', 'agent', 'ticket', 'blocker', 'run', 'switch', 'budget',
    'reservation', 'quiet_hours', 'approval', 'effect', 'verdict', 'deployment', 'incident', 'uptime', 'secret', 'policy',
    'event', 'pending', 'seal']
  loop
    execute format('alter table %I enable row level security', name);
    execute format('alter table %I force row level security', name);
    -- As a subquery, the tenant is asked for once a statement and not once a row: half the cost of a small insert.
    execute format('create policy own_tenant on %I to :app using (tenant_id = (select tenant_now())) with check (tenant_id = (select tenant_now()))', name);
    execute format('grant select, insert, update on %I to :app', name);
  end loop;
end $$;

alter table tenant enable row level security;
alter table tenant force row level security;
create policy own_tenant on tenant to :app using (id = (select tenant_now())) with check (id = (select tenant_now()));
grant select, insert, update (policy_version, policy_at) on tenant to :app;

-- Insert-only for the program.
revoke update on event, seal, pending, verdict, policy from :app;
grant delete on reservation, blocker, quiet_hours, budget, secret to :app;

-- The engine looks across tenants at just this much.
grant select on tenant, ticket, run, event, seal, pending, process, host to :engine;
grant insert on seal to :engine;
grant delete on pending to :engine;
create policy engine_tenants on tenant for select to :engine using (true);
create policy engine_ready_or_leased on ticket for select to :engine using (state in ('ready', 'claimed'));
create policy engine_live on run for select to :engine using (state <> 'ended');
create policy engine_processes on process for select to :engine using (ended_at is null);
create policy engine_hosts on host for select to :engine using (true);
create policy engine_events on event for select to :engine using (true);
create policy engine_pending on pending for select to :engine using (true);
create policy engine_pending_emptied on pending for delete to :engine using (true);
create policy engine_seals on seal for select to :engine using (true);
create policy engine_seals_added on seal for insert to :engine with check (true);
