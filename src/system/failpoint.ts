/**
 * Every boundary between two steps that must each survive a kill -9, by name. With STEWARD_FAILPOINT set to one of them,
 * the process kills itself there, as the power would: that is how the fault tests stop at each, one by one. Unset, a
 * failpoint costs one comparison. In the order in which a service meets them.
 */
export const failpoints = [
  "item.decided",
  "status.written",
  "ticket.claimed",
  "run.workplace_ready",
  "run.runner_started",
  "run.recorded",
  "run.ended",
  "scaffold.written",
  "run.collected",
  "run.kept",
  "run.applied",
  "run.reported",
  "proof.judged",
  "proof.stored",
  "deploy.begun",
  "effect.started",
  "deploy.cut",
  "deploy.start",
  "deploy.switch",
  "deploy.confirm",
  "deploy.commit",
  "deploy.retire",
  "deploy.end",
  "effect.performed",
  "effect.recorded",
  "deploy.concluded",
  "rollback.made",
  "stop.made",
] as const;

export type Failpoint = (typeof failpoints)[number];

const armed = process.env["STEWARD_FAILPOINT"];

export function failpoint(name: Failpoint): void {
  if (armed !== undefined && armed === name) process.kill(process.pid, "SIGKILL");
}
