import type { CommandFile } from "./command.ts";

/** Every command, in the order of `steward --help`. Adding one: its file in commands/, and a line here. */
export const commands: Record<string, () => Promise<CommandFile>> = {
  init: () => import("./commands/init.ts"),
  up: () => import("./commands/up.ts"),
  down: () => import("./commands/down.ts"),
  worker: () => import("./commands/worker.ts"),
  demo: () => import("./commands/demo.ts"),
  scan: async () => ({ register: (await import("./scan.ts")).registerScan }),
  queue: () => import("./commands/queue.ts"),
  status: () => import("./commands/status.ts"),
  run: () => import("./commands/run.ts"),
  check: () => import("./commands/check.ts"),
  agents: () => import("./commands/agents.ts"),
  logs: () => import("./commands/logs.ts"),
  stop: () => import("./commands/stop.ts"),
  resume: () => import("./commands/resume.ts"),
  approve: () => import("./commands/approve.ts"),
  decline: () => import("./commands/decline.ts"),
  deploy: () => import("./commands/deploy.ts"),
  rollback: () => import("./commands/rollback.ts"),
  secret: () => import("./commands/secret.ts"),
  heartbeat: () => import("./commands/heartbeat.ts"),
  progress: () => import("./commands/progress.ts"),
  report: () => import("./commands/report.ts"),
  audit: () => import("./commands/audit.ts"),
  doctor: () => import("./commands/doctor.ts"),
};

/** What a person looks for, in the order of `steward --help`: each heading with its commands. */
export const groups: Record<string, readonly string[]> = {
  "To begin:": ["init", "up", "down", "worker", "demo", "doctor"],
  "To see:": ["scan", "queue", "status", "agents", "logs", "audit"],
  "To have done:": ["run", "check", "deploy", "rollback", "secret"],
  "To decide:": ["stop", "resume", "approve", "decline"],
  "For agents, of their own run:": ["heartbeat", "progress", "report"],
};
