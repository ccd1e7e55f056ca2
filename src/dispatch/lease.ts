import type { LeaseKind } from "#db/schema.ts";

/**
 * How long each kind of lease lasts without a renewal, in seconds.
 * - process: built-in work dies with its process. Renewed every second by a thread of its own, so five missed renewals
 *   mean dead, not busy; with the reaper's second that is within the promised 6 s.
 * - runner: a spawned run lives as long as its runner. On a living host a dead runner is seen by its pid within a
 *   second; this is for a host that is gone, and the runner ends its agent before it runs out.
 * - session: a person's or a long-lived session's work; its heartbeats come minutes apart.
 */
export const LEASE_SECONDS: Record<LeaseKind, number> = { process: 5, runner: 30, session: 15 * 60 };

export const RENEW_EVERY_MS = 1_000;
